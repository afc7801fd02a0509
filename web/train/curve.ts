// The loss, step by step, drawn live.
import uPlot from 'uplot';
import { h } from '../core/dom.ts';

export interface Curve {
  readonly element: HTMLElement;
  add(step: number, loss: number): void;
  clear(): void;
}

/** Weight of the newest loss in the running mean. */
const newest = 0.15;

export function lossCurve(): Curve {
  const element = h('div', { class: 'curve', role: 'img', 'aria-label': 'Loss by step' });
  let data: [number[], number[], number[]] = [[], [], []];
  let plot: uPlot | undefined;

  function create(): uPlot {
    // A canvas knows no variables and no light-dark(): what they come to for an element, it does.
    const colour = (name: string) => () => {
      element.style.color = `var(${name})`;
      return getComputedStyle(element).color;
    };
    const axis = {
      stroke: colour('--ink-quiet'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: '12px Inter, sans-serif',
    };
    return new uPlot(
      {
        width: element.clientWidth,
        height: element.clientHeight,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false } },
        axes: [
          {
            ...axis,
            size: 30,
            incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
            label: 'Step',
            labelSize: 18,
            labelFont: '12px Inter, sans-serif',
          },
          { ...axis, size: 44 },
        ],
        series: [
          {},
          { stroke: colour('--curve-faint'), width: 1, points: { show: false } },
          { stroke: colour('--accent'), width: 2, points: { show: false } },
        ],
      },
      data,
      element,
    );
  }
  new ResizeObserver(() => {
    if (element.clientWidth > 0) plot?.setSize({ width: element.clientWidth, height: element.clientHeight });
  }).observe(element);
  // The colours are read when something is drawn.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot?.redraw());

  return {
    element,
    add(step, loss) {
      const [steps, losses, means] = data;
      const mean = means.at(-1);
      steps.push(step);
      losses.push(loss);
      means.push(mean === undefined ? loss : mean + newest * (loss - mean));
      element.setAttribute(
        'aria-label',
        `Loss by step: ${means.at(-1)!.toFixed(3)} at step ${step}, ${losses[0]!.toFixed(3)} at the beginning`,
      );
      plot ??= create();
      plot.setData(data);
    },
    clear() {
      data = [[], [], []];
      plot?.setData(data);
    },
  };
}
