import { Detector } from 'faprompt';

const detector = await Detector.load(); // the small CLIP that ships; yours: { clip: 'clip.safetensors', prompts: ... }
document.querySelector('input').onchange = async ({ target }) => {
  const { score, map } = await detector.detect(target.files[0]);
  const heat = new ImageData(map.width, map.height);
  for (const [i, value] of map.data.entries()) heat.data.set([255, 0, 0, 255 * value], 4 * i);
  document.querySelector('canvas').getContext('2d').putImageData(heat, 0, 0);
  document.querySelector('output').value = score.toFixed(4);
};
