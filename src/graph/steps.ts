// Dispatches made ready to be encoded: pipelines compiled, uniforms packed, operands bound. Done once per executable.
import type { Gpu } from '../gpu/gpu.ts';
import { alignment } from '../gpu/memory.ts';
import { packUniform } from '../gpu/shader.ts';
import type { Dispatch } from '../kernels/op.ts';
import type { Tensor } from '../kernels/tensor.ts';
import type { Node } from './graph.ts';

/** One dispatch, ready to be encoded. */
export interface Step {
  readonly op: string;
  readonly shader: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  readonly flops: number;
  readonly shapes: () => string;
}

/** A node's dispatch, and its share of the node's work. */
export interface NodeDispatch {
  readonly op: string;
  readonly dispatch: Dispatch;
  readonly flops: number;
  /** Of the node's inputs and first output, for whoever profiles. */
  readonly shapes: () => string;
}

/** A node's dispatches, by a variant of its operator or (undefined) the operator's own choice. */
export function dispatchesOf(
  { capabilities }: Gpu,
  { op, attrs, inputs, outputs, inPlace }: Node,
  variant: string | undefined,
): NodeDispatch[] {
  const all = op.dispatches({ attrs, inputs, outputs, capabilities, variant });
  const list = inPlace ? all.slice(1) : all;
  const flops = op.cost({ attrs, inputs, outputs }).flops / list.length;
  const shapes = () =>
    `${inputs.map((t) => t?.shape.join('x') ?? '-').join(', ')} -> ${outputs[0]!.shape.join('x')}`;
  return list.map((dispatch) => ({ op: op.name, dispatch, flops, shapes }));
}

/**
 * Compiles the pipelines in parallel and binds the operands.
 * @param bind where a tensor lies
 * @param own receives the buffers that the steps need besides; the caller frees them
 * @throws GpuError 'shader-compile', 'out-of-memory'
 */
export async function createSteps(
  gpu: Gpu,
  dispatches: readonly NodeDispatch[],
  bind: (tensor: Tensor) => GPUBufferBinding,
  own: GPUBuffer[],
): Promise<Step[]> {
  const { device, memory } = gpu;
  const pipelines = await gpu.guard(
    Promise.all(
      dispatches.map(({ dispatch }) => gpu.pipelines.get(dispatch.shader, dispatch.overrides ?? {})),
    ),
  );
  const uniformBytes = new ArrayBuffer(Math.max(alignment, dispatches.length * alignment));
  const allocate = (bytes: number, label: string, usage?: GPUBufferUsageFlags) => {
    const buffer = memory.allocate(bytes, label, usage);
    own.push(buffer);
    return buffer;
  };
  const uniforms = allocate(
    uniformBytes.byteLength,
    'uniforms',
    GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  );
  const absentOperand = allocate(alignment, 'absent operand');
  const absentResults = [allocate(alignment, 'absent result')]; // more where a dispatch leaves out more: none may be bound twice

  const steps = dispatches.map(({ dispatch, op, flops, shapes }, i): Step => {
    const { shader } = dispatch;
    checkNames(dispatch);
    let left = 0;
    const absent = (access: string): GPUBuffer => {
      if (access === 'read') return absentOperand;
      const at = left;
      left += 1;
      absentResults[at] ??= allocate(alignment, 'absent result');
      return absentResults[at];
    };
    const entries: GPUBindGroupEntry[] = shader.bindings.map(({ name, binding, access }) => {
      const tensor = dispatch.bindings[name];
      return { binding, resource: tensor ? bind(tensor) : { buffer: absent(access) } };
    });
    if (shader.uniform) {
      packUniform(
        shader,
        dispatch.uniforms ?? {},
        new DataView(uniformBytes, i * alignment, shader.uniform.size),
      );
      entries.push({
        binding: shader.uniform.binding,
        resource: { buffer: uniforms, offset: i * alignment, size: shader.uniform.size },
      });
    }
    const [x, y = 1, z = 1] = dispatch.workgroups;
    return {
      op,
      shader: shader.path,
      pipeline: pipelines[i]!,
      bindGroup: device.createBindGroup({
        label: `${op} (${shader.path})`,
        layout: gpu.pipelines.layout(shader),
        entries,
      }),
      workgroups: [x, y, z],
      flops,
      shapes,
    };
  });
  device.queue.writeBuffer(uniforms, 0, uniformBytes);
  return steps;
}

function checkNames({ shader, bindings }: Dispatch): void {
  const host = Object.keys(bindings).sort();
  const wgsl = shader.bindings.map((b) => b.name).sort();
  if (host.join() !== wgsl.join())
    throw new Error(
      `${shader.path}: the host binds {${host.join(', ')}}, the shader has {${wgsl.join(', ')}}`,
    );
}

/** Records a step in a pass. */
export function recordStep(pass: GPUComputePassEncoder, { pipeline, bindGroup, workgroups }: Step): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...workgroups);
}
