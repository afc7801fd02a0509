// What PyTorch puts into a pickle.
import type { DType } from '../safetensors-header.ts';
import type { TensorInfo } from '../tensor-file.ts';
import type { ZipEntry } from '../zip.ts';
import type { Layout } from './strided.ts';
import type { PickleObject, PickleValue } from './values.ts';

/** Bytes of an archive's entry, as numbers of a type. */
export interface Storage extends PickleObject {
  readonly kind: 'storage';
  readonly dtype: DType;
  readonly entry: ZipEntry;
}

/** A tensor: a view of a storage. */
export interface TorchTensor extends PickleObject, TensorInfo, Layout {
  readonly kind: 'tensor';
  readonly storage: Storage;
  /** Of the first element, in elements. */
  readonly offset: number;
}

/** An object of a TorchScript archive: its attributes, without its class. */
export interface TorchModule extends PickleObject {
  readonly kind: 'module';
  readonly attributes: Map<PickleValue, PickleValue>;
}
