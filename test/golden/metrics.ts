// The metric cases of metrics.safetensors, within 1e-9.
import { auroc, averagePrecision, createPixelMetrics } from '../../src/eval/index.ts';
import { type GoldenFolder, values } from './folder.ts';
import type { Report } from './report.ts';

const tolerance = 1e-9;

export async function checkMetrics(golden: GoldenFolder, report: Report): Promise<void> {
  const file = await golden.open('metrics.safetensors');
  if (!file || !golden.manifest.metrics)
    return void report.notes.push('no metrics.safetensors: metric cases skipped');
  const check = (name: string, got: number | null | undefined, want: number | undefined) => {
    if (want !== undefined) report.add('metrics', name, Math.abs((got ?? Number.NaN) - want) / tolerance);
  };
  for (const [name, expected] of Object.entries(golden.manifest.metrics.image)) {
    const labels = await values(file, `image/${name}/labels`);
    const scores = await values(file, `image/${name}/scores`);
    check(`image/${name} auroc`, auroc(labels, scores), expected.auroc);
    check(`image/${name} ap`, averagePrecision(labels, scores), expected.ap);
  }
  for (const [name, expected] of Object.entries(golden.manifest.metrics.pixel)) {
    const [count, height, width] = file.tensors.get(`pixel/${name}/maps`)!.shape as [number, number, number];
    const maps = await file.readFloat32(`pixel/${name}/maps`);
    const masks = Uint8Array.from(await file.readInt32(`pixel/${name}/masks`));
    const metrics = createPixelMetrics({ mode: 'exact' });
    const size = height * width;
    for (let i = 0; i < count; i += 1)
      metrics.add(maps.slice(i * size, (i + 1) * size), masks.slice(i * size, (i + 1) * size), {
        width,
        height,
      });
    const found = metrics.result();
    check(`pixel/${name} auroc`, found.auroc, expected.pixel_auroc);
    check(`pixel/${name} ap`, found.ap, expected.pixel_ap);
    check(`pixel/${name} pro`, found.pro, expected.pro);
  }
}
