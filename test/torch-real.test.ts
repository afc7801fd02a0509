// Archives that PyTorch itself writes. FAPROMPT_TORCH=<a python with torch> enables it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openTensors } from '../src/model/checkpoint/open.node.ts';

const python = process.env.FAPROMPT_TORCH;
if (!python)
  console.warn('skipped: archives by PyTorch (set FAPROMPT_TORCH to a python with torch to enable)');
const folder = mkdtempSync(path.join(tmpdir(), 'faprompt-torch-'));
afterAll(() => rmSync(folder, { recursive: true }));

const script = `
import collections, sys, torch
folder = sys.argv[1] + '/'
torch.manual_seed(0)
class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1 = torch.nn.LayerNorm(8)
        self.attn = torch.nn.MultiheadAttention(8, 2)
        self.scale = torch.nn.Parameter(torch.randn(()))
        self.register_buffer('input_resolution', torch.tensor(224))
    def forward(self, x):
        return self.attn(x, x, x)[0] * self.scale + torch.ones(8)
def dump(name, values):
    for key, value in values.items():
        open(folder + name + '.' + key + '.bin', 'wb').write(value.detach().float().contiguous().numpy().tobytes())
block = Block()
state = block.state_dict()
torch.save(state, folder + 'state.pt'); dump('state', state)
torch.save({'epoch': 3, 'lr': 1e-3, 'state_dict': {'module.' + k: v for k, v in state.items()},
            'optimizer': torch.optim.Adam(block.parameters()).state_dict()}, folder + 'training.pth')
dump('training', {'module.' + k: v for k, v in state.items()})
base = torch.randn(6, 4)
views = collections.OrderedDict(t=base.t(), row=base[2], part=base[1:3, 1:3], half=base.half(), bf=base.bfloat16(),
    double=base.double(), last=torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    parameter=torch.nn.Parameter(base[:2]), ids=torch.arange(5), expanded=torch.arange(4).expand(1, -1))
torch.save(views, folder + 'views.pt'); dump('views', views)
torch.save(state, folder + 'legacy.pt', _use_new_zipfile_serialization=False)
torch.save(block, folder + 'module.pt')
script = torch.jit.script(block) if len(sys.argv) > 2 else torch.jit.trace(block.eval(), torch.randn(3, 1, 8), check_trace=False)
script.save(folder + 'script.pt'); dump('script', script.state_dict())
`;

test.skipIf(!python)(
  'state dicts, training checkpoints, views, TorchScript; modules and the old format are refused',
  {
    timeout: 300_000,
  },
  async () => {
    execFileSync(python!, ['-c', script, folder], { stdio: ['ignore', 'ignore', 'inherit'] });
    for (const [name, count] of [
      ['state.pt', 8],
      ['training.pth', 8],
      ['views.pt', 10],
      ['script.pt', 8],
    ] as const) {
      const { file, close } = await openTensors(path.join(folder, name));
      const names = [...file.tensors.keys()].filter((tensor) => !tensor.startsWith('CONSTANTS.'));
      expect(names.length, `${name}: ${names}`).toBe(count);
      for (const tensor of names) {
        const values = /^I/.test(file.tensors.get(tensor)!.dtype)
          ? Float32Array.from(await file.readInt32(tensor))
          : await file.readFloat32(tensor);
        const expected = readFileSync(path.join(folder, `${path.parse(name).name}.${tensor}.bin`));
        expect(Buffer.compare(Buffer.from(values.buffer), expected), `${name} ${tensor}`).toBe(0);
      }
      await close();
    }
    await expect(openTensors(path.join(folder, 'legacy.pt'))).rejects.toThrow(/before PyTorch 1\.6/);
    await expect(openTensors(path.join(folder, 'module.pt'))).rejects.toThrow(/__main__\.Block: refused/);
  },
);
