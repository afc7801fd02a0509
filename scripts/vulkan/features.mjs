// Prints what this machine's WebGPU adapter offers, as one JSON object: features, limits, sizes of matrices per subgroup.
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
let gpu = create(['enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia']);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
if (!adapter) throw new Error('no WebGPU adapter');
const { info, limits, features } = adapter;
/** An object's own and inherited values: WebGPU's are getters of the prototype. */
const values = (object) => {
  const found = {};
  for (const key in object) if (typeof object[key] !== 'function') found[key] = object[key];
  return found;
};
const configs = [...(info.subgroupMatrixConfigs ?? [])].map(values);
console.log(
  JSON.stringify(
    {
      info: { ...values(info), subgroupMatrixConfigs: configs },
      features: [...features].sort(),
      limits: values(limits),
    },
    null,
    2,
  ),
);
gpu = undefined; // the process cannot end while Dawn's object is referenced
