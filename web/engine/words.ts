// What the library's messages, which are for programmers, come to for the people before the page.
import type { DetectorErrorKind } from '../../src/detector/index.ts';

export interface Words {
  /** In place of the kind's own title. */
  readonly title?: string;
  readonly text?: string;
  readonly hint?: string;
}

const smaller = 'Use a smaller model, or a smaller image size under Model.';

/** @param file name of the file concerned */
export function wordsFor(kind: DetectorErrorKind, message: string, file: string | undefined): Words {
  switch (kind) {
    case 'no-webgpu':
      return { text: 'The page computes through WebGPU, which this browser does not offer.' };
    case 'no-adapter':
      return {
        text: 'The browser offers no graphics device to compute on.',
        hint: 'Check that hardware acceleration is on in the browser’s settings.',
      };
    case 'device-lost':
      return {
        text: 'That happens when a driver restarts or the computer sleeps.',
        hint: 'Try again.',
      };
    case 'out-of-memory':
      return { text: 'The model does not fit.', hint: `${smaller} Closing other tabs helps too.` };
    case 'too-large':
      return { text: 'This is larger than the graphics device can take at once.', hint: smaller };
    case 'bad-weights':
      return badWeights(message, file ?? 'This file');
    case 'bad-prompts':
      return badPrompts(message, file ?? 'This file');
    case 'bad-image':
      return badImage(message, file ?? 'This file');
    case 'bad-text':
      return {
        text: 'The model does not know one of these words, or the text is too long for it.',
        hint: 'Use plain English words: “metal nut”, “woven fabric”.',
      };
    case 'bad-option':
      return badOption(message);
    case 'network':
      return network(message, file ?? 'the file');
    case 'training':
      return training(message);
    case 'closed':
      return { text: 'The model was closed meanwhile.', hint: 'Try again.' };
    case 'missing-package': // Node alone
    case 'internal':
      return { text: 'The page did not expect this.', hint: 'Reload the page and try again.' };
  }
}

function badWeights(message: string, file: string): Words {
  if (/sha256/.test(message))
    return {
      text: `${file} is not the file that was expected: its content differs.`,
      hint: 'Download it again.',
    };
  return {
    text: `${file} is not a CLIP that this page can read: it is of another kind, or damaged.`,
    hint: 'Choose a file of weights (safetensors or PyTorch) with names of OpenAI, Hugging Face or OpenCLIP.',
  };
}

function badPrompts(message: string, file: string): Words {
  if (/no prompts/.test(message))
    return {
      title: 'There are no prompts yet',
      text: 'This model has not been told what a defect is.',
      hint: 'Under Model, choose a file of prompts or say what the parts are; or train prompts under Train.',
    };
  if (/trained on/.test(message))
    return {
      text: `${file} was trained for another CLIP than the one that is open.`,
      hint: 'Open the CLIP that it belongs to, or train prompts for this one.',
    };
  return {
    text: `${file} is not a file of prompts, or is damaged.`,
    hint: 'Prompts come from Train, or from the command line.',
  };
}

function badImage(message: string, file: string): Words {
  if (/empty file/.test(message)) return { text: `${file} is empty.` };
  if (/TIFF/.test(message))
    return { text: `${file} is a TIFF, which this browser cannot read.`, hint: 'Save it as PNG or JPEG.' };
  const size = /found (\d+) x (\d+)/.exec(message);
  if (size)
    return { text: `${file} is too large: ${size[1]} × ${size[2]} pixels.`, hint: 'Make it smaller.' };
  return {
    text: `${file} is not an image that this browser can read, or is damaged.`,
    hint: 'The page reads PNG, JPEG, WebP and BMP.',
  };
}

function badOption(message: string): Words {
  const size = /image size: expected a positive multiple of the patch size (\d+), found (\d+)/.exec(message);
  if (!size) return { text: 'A setting does not fit this model.', hint: 'Change it under Model or Train.' };
  const [patch, found] = [Number(size[1]), Number(size[2])];
  const near = Math.max(patch, Math.round(found / patch) * patch);
  return {
    title: 'This image size cannot be used',
    text: `The model looks at patches of ${patch} × ${patch} pixels, and ${found} is no multiple of ${patch}.`,
    hint: `${near} is the nearest that is.`,
  };
}

function network(message: string, file: string): Words {
  if (globalThis.navigator?.onLine === false)
    return {
      text: `${file} is not on this device, and there is no connection.`,
      hint: 'Try again when there is one.',
    };
  const status = /status (\d{3})$/.exec(message)?.[1];
  if (status === '404')
    return { text: `The server has no ${file} at this address.`, hint: 'Check the address.' };
  if (status === '401' || status === '403')
    return { text: `The server does not hand out ${file} without a permission.` };
  if (status !== undefined && status !== '200' && status !== '206')
    return {
      text: `The server cannot hand out ${file} at the moment.`,
      hint: 'Check the address, or try again later.',
    };
  return {
    text: `${file} could not be read from its server.`,
    hint: 'Check the address and the connection. A server elsewhere must allow this page to read from it (CORS).',
  };
}

function training(message: string): Words {
  if (/loss/.test(message))
    return {
      text: 'The numbers grew beyond all bounds.',
      hint: 'Use a lower learning rate.',
    };
  if (/samples|usable|image/.test(message))
    return { text: 'None of the images could be used.', hint: 'Add images, and masks of the same size.' };
  if (/checkpoint: clip:/.test(message))
    return {
      text: 'The run that should go on was begun with another CLIP than the one that is open.',
      hint: 'Open that one under Model, or start anew.',
    };
  if (/checkpoint/.test(message))
    return {
      text: 'The images or settings are no longer those of the run that should go on.',
      hint: 'Start anew.',
    };
  return { text: 'The run could not go on.', hint: 'Start again; the prompts from before are kept.' };
}
