// Icons by lucide (ISC), only those in use.

import camera from 'lucide-static/icons/camera.svg';
import check from 'lucide-static/icons/check.svg';
import chevronLeft from 'lucide-static/icons/chevron-left.svg';
import columns from 'lucide-static/icons/columns-2.svg';
import download from 'lucide-static/icons/download.svg';
import eraser from 'lucide-static/icons/eraser.svg';
import file from 'lucide-static/icons/file.svg';
import folder from 'lucide-static/icons/folder-open.svg';
import upload from 'lucide-static/icons/image-up.svg';
import images from 'lucide-static/icons/images.svg';
import layers from 'lucide-static/icons/layers.svg';
import fit from 'lucide-static/icons/maximize.svg';
import minus from 'lucide-static/icons/minus.svg';
import bucket from 'lucide-static/icons/paint-bucket.svg';
import brush from 'lucide-static/icons/paintbrush.svg';
import pause from 'lucide-static/icons/pause.svg';
import polygon from 'lucide-static/icons/pentagon.svg';
import play from 'lucide-static/icons/play.svg';
import plus from 'lucide-static/icons/plus.svg';
import stop from 'lucide-static/icons/square.svg';
import slider from 'lucide-static/icons/square-split-horizontal.svg';
import trash from 'lucide-static/icons/trash-2.svg';
import warning from 'lucide-static/icons/triangle-alert.svg';
import undo from 'lucide-static/icons/undo-2.svg';
import video from 'lucide-static/icons/video.svg';
import close from 'lucide-static/icons/x.svg';

const sources = {
  brush,
  bucket,
  camera,
  check,
  chevronLeft,
  close,
  columns,
  download,
  eraser,
  file,
  fit,
  folder,
  images,
  layers,
  minus,
  pause,
  play,
  polygon,
  plus,
  slider,
  stop,
  trash,
  undo,
  upload,
  video,
  warning,
};

export type IconName = keyof typeof sources;

const parsed = new Map<IconName, SVGSVGElement>();

/** A decorative icon, as large as the text around it. */
export function icon(name: IconName): SVGSVGElement {
  let known = parsed.get(name);
  if (!known) {
    const root = new DOMParser().parseFromString(sources[name], 'image/svg+xml').documentElement;
    known = document.importNode(root, true) as unknown as SVGSVGElement;
    // Line breaks between its parts would be part of every label's text.
    known.replaceChildren(...known.children);
    known.setAttribute('class', 'icon');
    known.setAttribute('aria-hidden', 'true');
    parsed.set(name, known);
  }
  return known.cloneNode(true) as SVGSVGElement;
}
