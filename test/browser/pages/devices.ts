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

/** As a crash of the GPU process does it; the other threads hear of it by a message. */
export function loseDevice(): void {
  for (const device of devices.splice(0)) device.destroy();
  channel.postMessage('lose');
}

const channel = new BroadcastChannel('devices');
channel.onmessage = () => {
  for (const device of devices.splice(0)) device.destroy();
};
