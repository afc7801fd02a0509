import type { Reference } from '../op-test.ts';
import type { ImageTensorAttrs } from './image_tensor.ts';

export const imageTensorReference: Reference<ImageTensorAttrs> = {
  forward({ mean, std }, [image]) {
    const [height, width, channels] = image!.shape as [number, number, number];
    const data = new Float64Array(image!.data.length);
    image!.data.forEach((byte, i) => {
      const channel = i % channels;
      const pixel = Math.floor(i / channels);
      data[channel * height * width + pixel] = (byte / 255 - mean[channel]!) / std[channel]!;
    });
    return [{ shape: [channels, height, width], data }];
  },
};
