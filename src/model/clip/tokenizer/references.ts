// Named character references of HTML 5, all of them.
export { decodeHTML as decodeReference } from 'entities/decode';
