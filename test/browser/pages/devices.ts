// Remembers every device that is opened on this thread, so that a test can lose it.
const devices: GPUDevice[] = [];

if (typeof GPUAdapter !== 'undefined') {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    devices.push(device);
    return device;
  };
}

let losesAtWork = false;

if (typeof GPUQueue !== 'undefined') {
  const { submit } = GPUQueue.prototype;
  GPUQueue.prototype.submit = function (commands) {
    submit.call(this, commands);
    if (losesAtWork) lose();
  };
}

function lose(): void {
  losesAtWork = false;
  for (const device of devices.splice(0)) device.destroy();
}

const channel = new BroadcastChannel('devices');
channel.onmessage = ({ data }) => {
  if (data === 'lose') lose();
  if (data !== 'lose at work') return;
  losesAtWork = true;
  channel.postMessage('ready');
};

/** As a crash of the GPU process does it; the other threads hear of it by a message. */
export function loseDevice(): void {
  lose();
  channel.postMessage('lose');
}

/** The same in the middle of the next job, of this thread or, once this has settled, of the worker. */
export async function loseDeviceAtWork(worker: boolean): Promise<void> {
  if (!worker) {
    losesAtWork = true;
    return;
  }
  const ready = new Promise((resolve) => channel.addEventListener('message', resolve, { once: true }));
  channel.postMessage('lose at work');
  await ready;
}
