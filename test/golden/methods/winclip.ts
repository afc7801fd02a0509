import { clipNeeds, type ImageNeeds } from '../../../src/model/clip/needs.ts';
import { windowIndex } from '../../../src/model/clip/windows.ts';
import { prototypesOf } from '../../../src/model/methods/texts.ts';
import { winclipForward } from '../../../src/model/methods/winclip/winclip.ts';
import { runOnFeatures } from './detection.ts';
import { encodeImages, idsOf, type MethodSetting, withActivation } from './setting.ts';

/** Windows of both scales, with QuickGELU and with GELU. */
export async function checkWinclip(setting: MethodSetting): Promise<void> {
  for (const activation of ['quickgelu', 'gelu'] as const) {
    const { gpu, golden, report, size } = setting;
    const name = activation === 'gelu' ? 'winclip_gelu' : 'winclip';
    const file = `winclip/${name}.safetensors`;
    const opened = await golden.open(file);
    if (!opened) {
      report.notes.push(`no ${file}: skipped`);
      continue;
    }
    const compare = (tensor: string, got: ArrayLike<number>) =>
      report.compare(`methods/${name}`, file, tensor, got);
    const clip = withActivation(setting.clip, activation);
    const grid = size / clip.config.patch;
    const windows = [...opened.tensors.keys()]
      .flatMap((tensor) => Number(/^win(\d+)\/features$/.exec(tensor)?.[1] ?? []))
      .filter((side) => side > 0);
    // The golden position table is resized bilinearly, whatever WinCLIP's own backbone needs.
    const needs: ImageNeeds = { ...clipNeeds, patches: 'none', windows };
    const features = await encodeImages(setting, clip, needs, setting, ['vision/embed']);
    await compare('tokens', features['vision/embed']!);
    await compare('cls', features.image!);
    for (const side of windows) {
      await compare(`win${side}/index`, windowIndex(grid, side).flat());
      await compare(`win${side}/features`, features[`window${side}`]!);
    }
    const values = await prototypesOf(
      { gpu, clip },
      { normal: idsOf(setting, 0, 'normal'), abnormal: idsOf(setting, 0, 'abnormal') },
      'raw',
    );
    await compare('prototypes', values);
    const found = await runOnFeatures(setting, clip, needs, features, (model, inputs) => {
      const prototypes = model.graph.constant('prototypes', values, [1, 2, clip.config.embedDim]);
      return {
        outputs: winclipForward(model, inputs, prototypes, {
          windows,
          temperature: 0.07,
          grid,
          size,
        }),
      };
    });
    const tensors = ['z0', 'multiscale', 'map'];
    for (const side of windows) tensors.push(`win${side}/prob`, `win${side}/harmonic`);
    for (const tensor of tensors) await compare(tensor, found[tensor]!);
  }
}
