// Python's pickle format: plain containers, numbers and strings; globals only as the caller resolves them, all other
// objects as placeholders. Nothing is imported and nothing is called but the caller's own functions.
import { WeightsError } from '../errors.ts';
import { createPickleMachine, type Globals } from './pickle-machine.ts';
import { decimal, type Fail, readOperands } from './pickle-operands.ts';
import { describe, type PickleValue } from './values.ts';

/** Most bytes of a pickle: that of the largest CLIP's training checkpoint has 1 MB. */
export const maxPickleBytes = 4 * 2 ** 20;

export interface PickleOptions extends Globals {
  /** Name of the file, for messages. */
  readonly file: string;
  persistentLoad(id: PickleValue): PickleValue;
}

/** Reads one pickle. @throws WeightsError for a damaged one, and what the caller's globals throw */
export function unpickle(
  bytes: Uint8Array,
  { file, persistentLoad, ...globals }: PickleOptions,
): PickleValue {
  const fail: Fail = (expected, found) => {
    throw new WeightsError({ file, expected, found });
  };
  if (bytes.length > maxPickleBytes) fail(`a pickle of at most ${maxPickleBytes} bytes`, `${bytes.length}`);
  const read = readOperands(bytes, fail);
  const machine = createPickleMachine(globals, fail);
  for (;;) {
    const opcode = read.byte();
    switch (opcode) {
      case 0x80: // PROTO
        checkProtocol(read.byte(), fail);
        break;
      case 0x95: // FRAME
        read.skip(8);
        break;
      case 0x2e: // STOP
        return machine.pop();
      case 0x28: // MARK
        machine.pushMark();
        break;
      case 0x30: // POP
        machine.drop();
        break;
      case 0x31: // POP_MARK
        machine.popMark();
        break;
      case 0x32: // DUP
        machine.push(machine.top());
        break;
      case 0x4e: // NONE
        machine.push(null);
        break;
      case 0x88: // NEWTRUE
        machine.push(true);
        break;
      case 0x89: // NEWFALSE
        machine.push(false);
        break;
      case 0x4b: // BININT1
        machine.push(read.byte());
        break;
      case 0x4d: // BININT2
        machine.push(read.uint16());
        break;
      case 0x4a: // BININT
        machine.push(read.int32());
        break;
      case 0x8a: // LONG1
        machine.push(read.integer(read.byte()));
        break;
      case 0x8b: // LONG4
        machine.push(read.integer(read.uint32()));
        break;
      case 0x49: {
        // INT; 00 and 01 are booleans
        const digits = read.line();
        machine.push(digits === '00' ? false : digits === '01' ? true : decimal(digits, fail));
        break;
      }
      case 0x4c: // LONG
        machine.push(decimal(read.line().replace(/L$/, ''), fail));
        break;
      case 0x46: // FLOAT
        machine.push(Number(read.line()));
        break;
      case 0x47: // BINFLOAT
        machine.push(read.float64());
        break;
      case 0x8c: // SHORT_BINUNICODE
      case 0x55: // SHORT_BINSTRING
        machine.push(read.text(read.byte()));
        break;
      case 0x58: // BINUNICODE
      case 0x54: // BINSTRING
        machine.push(read.text(read.uint32()));
        break;
      case 0x8d: // BINUNICODE8
        machine.push(read.text(read.size8()));
        break;
      case 0x43: // SHORT_BINBYTES
        machine.push(read.copy(read.byte()));
        break;
      case 0x42: // BINBYTES
        machine.push(read.copy(read.uint32()));
        break;
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        machine.push(read.copy(read.size8()));
        break;
      case 0x53: // STRING
      case 0x56: // UNICODE
        machine.push(read.line());
        break;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
      case 0x8f: // EMPTY_SET
        machine.push([]);
        break;
      case 0x6c: // LIST
      case 0x74: // TUPLE
      case 0x91: // FROZENSET
        machine.push(machine.popMark());
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        machine.push(machine.popTuple(opcode - 0x84));
        break;
      case 0x61: // APPEND
        machine.append([machine.pop()]);
        break;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        machine.append(machine.popMark());
        break;
      case 0x7d: // EMPTY_DICT
        machine.push(new Map());
        break;
      case 0x64: {
        // DICT
        const items = machine.popMark();
        machine.push(new Map());
        machine.setItems(items);
        break;
      }
      case 0x73: // SETITEM
        machine.setItems(machine.popTuple(2));
        break;
      case 0x75: // SETITEMS
        machine.setItems(machine.popMark());
        break;
      case 0x71: // BINPUT
        machine.remember(read.byte());
        break;
      case 0x72: // LONG_BINPUT
        machine.remember(read.uint32());
        break;
      case 0x70: // PUT
        machine.remember(Number(read.line()));
        break;
      case 0x94: // MEMOIZE
        machine.memoize();
        break;
      case 0x68: // BINGET
        machine.push(machine.recall(read.byte()));
        break;
      case 0x6a: // LONG_BINGET
        machine.push(machine.recall(read.uint32()));
        break;
      case 0x67: // GET
        machine.push(machine.recall(Number(read.line())));
        break;
      case 0x63: {
        // GLOBAL
        const module = read.line();
        machine.push(machine.global(`${module}.${read.line()}`));
        break;
      }
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = machine.popTuple(2);
        machine.push(machine.global(`${describe(module!)}.${describe(name!)}`));
        break;
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const [callee, args] = machine.popTuple(2);
        machine.push(machine.call(callee!, args!));
        break;
      }
      case 0x92: {
        // NEWOBJ_EX
        const [callee, args] = machine.popTuple(3);
        machine.push(machine.call(callee!, args!));
        break;
      }
      case 0x69: {
        // INST
        const module = read.line();
        const callee = machine.global(`${module}.${read.line()}`);
        machine.push(machine.call(callee, machine.popMark()));
        break;
      }
      case 0x6f: {
        // OBJ
        const [callee, ...args] = machine.popMark();
        machine.push(machine.call(callee ?? fail('a class', 'nothing'), args));
        break;
      }
      case 0x62: // BUILD
        machine.build(machine.pop());
        break;
      case 0x51: // BINPERSID
        machine.push(persistentLoad(machine.pop()));
        break;
      default:
        fail('tensors and plain containers only', `pickle opcode 0x${opcode.toString(16).padStart(2, '0')}`);
    }
  }
}

function checkProtocol(version: number, fail: Fail): void {
  if (version > 5) fail('pickle protocol 5 at most', `${version}`);
}
