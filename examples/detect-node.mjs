import { Detector } from 'faprompt';

const detector = await Detector.load();
const { score } = await detector.detect('photo.png');
console.log(score.toFixed(4));
detector.close();
