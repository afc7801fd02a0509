// Taking a photograph: with the phone's own camera, else with a webcam in a dialog.
import { h } from '../core/dom.ts';
import { currentThumbnail, rescueFocus, visibleHeading } from '../core/focus.ts';
import { icon } from '../core/icons.ts';
import { filePicker } from '../core/picker.ts';

/** A button that hands over a photograph; `short` where there is little room. */
export function cameraButton(take: (photograph: File) => void, short = false): HTMLElement {
  // Phones and tablets bring a better camera than a page can be.
  if (matchMedia('(pointer: coarse)').matches)
    return filePicker(
      { label: short ? 'Camera' : 'Take a photograph', icon: 'camera', accept: 'image/*', capture: true },
      (input) => take(input.files![0]!),
    );
  return h(
    'button',
    { type: 'button', class: 'button', onclick: () => openCamera(take) },
    icon('camera'),
    short ? 'Camera' : 'Use the camera',
  );
}

async function openCamera(take: (photograph: File) => void): Promise<void> {
  const video = h('video', {
    autoplay: true,
    muted: true,
    playsinline: true,
    'aria-label': 'Camera picture',
  });
  const status = h('p', { role: 'status' }, 'Waiting for the camera. Your browser may ask for permission.');
  const shutter = h(
    'button',
    { type: 'button', class: 'button primary', disabled: true, onclick: () => shoot() },
    icon('camera'),
    'Take photograph',
  );
  const dialog = h(
    'dialog',
    { class: 'camera', 'aria-label': 'Camera' },
    video,
    status,
    h(
      'div',
      { class: 'row end' },
      h('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, 'Cancel'),
      shutter,
    ),
  );
  let stream: MediaStream | undefined;
  const release = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
  };
  dialog.addEventListener('close', () => {
    release();
    dialog.remove();
    rescueFocus(currentThumbnail, visibleHeading);
  });
  const shoot = () => {
    const canvas = h('canvas', { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext('2d')!.drawImage(video, 0, 0);
    canvas.toBlob(
      (blob) => {
        if (blob) take(new File([blob], 'photograph.jpg', { type: blob.type }));
        dialog.close();
      },
      'image/jpeg',
      0.95,
    );
  };
  document.body.append(dialog);
  dialog.showModal();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    // Closed while the browser was asking.
    if (!dialog.open) return release();
    video.srcObject = stream;
    await video.play();
    status.hidden = true;
    shutter.disabled = false;
    shutter.focus();
  } catch (error) {
    status.textContent = cameraProblem(error);
  }
}

/** Why there is no picture, in a sentence. */
export const cameraProblem = (error: unknown): string =>
  error instanceof DOMException && error.name === 'NotAllowedError'
    ? 'The browser did not allow the camera. Allow it in the address bar, or choose a file instead.'
    : 'No camera was found. Choose a file instead.';
