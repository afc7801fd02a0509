// Everything as files: a table, numbers, pictures, and the whole work as a project.
import { effect } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { h } from '../core/dom.ts';
import { download } from '../core/download.ts';
import { rescueFocus, visibleHeading } from '../core/focus.ts';
import { icon } from '../core/icons.ts';
import { filePicker } from '../core/picker.ts';
import { createTasks } from '../core/task.ts';
import type { Work } from '../project/save.ts';
import { type Context, saveNumbers } from './exports.ts';

type Tools = Parameters<Parameters<ReturnType<typeof createTasks>['run']>[1]>[0];

export interface TakeAlong {
  readonly element: HTMLElement;
  openProject(file: File): void;
}

/** @param fail says what did not work */
export function takeAlongCard(work: Work, context: () => Context, fail: (text: string) => void): TakeAlong {
  const { photos } = work;
  const tasks = createTasks();
  async function run(title: string, said: string, job: (tools: Tools) => Promise<void>): Promise<void> {
    try {
      if (await tasks.run(title, job)) announce(said);
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
  }
  // What makes them is loaded when it is wanted.
  const saveTable = () =>
    run('Saving the table', 'Table saved.', async () => {
      const { table } = await import('./table.ts');
      const all = photos.all.peek();
      download(`faprompt-${all.length}-images.csv`, await table(all, context()));
    });
  const saveAll = () =>
    run('Saving the numbers', 'Numbers saved.', () => saveNumbers(photos.all.peek(), context()));
  const saveZip = () =>
    run('Drawing the pictures', 'Pictures saved.', async (tools) => {
      const { savePictures } = await import('./pictures.ts');
      await savePictures(photos.all.peek(), context(), tools);
    });
  const saveWork = () =>
    run('Saving the project', 'Project saved.', async (tools) => {
      const { saveProject } = await import('../project/save.ts');
      const file = await saveProject(work, tools);
      download(`faprompt-project-${new Date().toISOString().slice(0, 10)}.zip`, file);
    });
  const openProject = (file: File) => {
    void run('Opening the project', 'Project opened.', async (tools) => {
      const { openProject: open } = await import('../project/open.ts');
      await open(file, work, tools);
      rescueFocus(visibleHeading);
    });
  };

  const button = (label: string, kind: string, act: () => void) =>
    h(
      'button',
      { type: 'button', class: 'button quiet-button', onclick: act },
      icon('download'),
      label,
      h('span', { class: 'quiet' }, kind),
    );
  const bar = h('progress', { max: 1, 'aria-label': 'Progress' });
  const words = h('p', { class: 'quiet' });
  const progress = h(
    'div',
    { class: 'stack' },
    words,
    bar,
    h(
      'button',
      {
        type: 'button',
        class: 'button small',
        onclick: () => {
          tasks.cancel();
          rescueFocus(() => list.querySelector('button'));
        },
      },
      'Cancel',
    ),
  );
  const list = h(
    'div',
    { class: 'take-along' },
    button('Save table of all photographs', 'CSV', saveTable),
    button('Save numbers of all photographs', 'JSON', saveAll),
    button('Save pictures of all photographs', 'ZIP', saveZip),
    button('Save the project', 'ZIP', saveWork),
  );
  effect(() => {
    const task = tasks.current.value;
    progress.hidden = !task;
    list.toggleAttribute('inert', task !== undefined);
    words.textContent = task ? `${task.title}${task.total > 0 ? `: ${task.done} of ${task.total}` : ''}` : '';
    if (task && task.total > 0) bar.value = task.done / task.total;
    else bar.removeAttribute('value');
  });
  const element = h(
    'section',
    { class: 'card', 'aria-labelledby': 'take-along-heading' },
    h('h2', { id: 'take-along-heading' }, 'Take it along'),
    progress,
    list,
    h(
      'p',
      { class: 'quiet' },
      'A project is everything: photographs, results, limit, prompts and what there is to train on. It is kept in this browser, too, until you start over.',
    ),
    filePicker(
      { label: 'Open a project', icon: 'folder', class: 'small', accept: '.zip,application/zip' },
      (input) => openProject(input.files![0]!),
    ),
  );
  return { element, openProject };
}
