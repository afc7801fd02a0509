// Named character references in a browser: the hundred that are as old as HTML. The table of all 2231 would be a tenth of
// the library, for texts that nobody gives it: the others are refused, never read as something else.
import { TokenizerError } from '../../../formats/errors.ts';

/** Latin-1 from 160 on, in order. */
const latin1 =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro ' +
  'para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil ' +
  'Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave ' +
  'Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml ' +
  'igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute ' +
  'thorn yuml';
const known = new Map<string, string>([
  ...latin1.split(' ').map((name, i) => [name, String.fromCodePoint(160 + i)] as const),
  ...Object.entries({ amp: '&', AMP: '&', lt: '<', LT: '<', gt: '>', GT: '>', quot: '"', QUOT: '"' }),
  ...Object.entries({ COPY: '\u00a9', REG: '\u00ae' }),
]);

/** @throws TokenizerError for a name with a semicolon that is not among them */
export function decodeReference(reference: string): string {
  const name = reference.slice(1).replace(/;$/, '');
  const found = known.get(name);
  if (found !== undefined) return found;
  if (reference.endsWith(';') && /^[A-Za-z][A-Za-z0-9]*$/.test(name))
    throw new TokenizerError({
      text: reference,
      expected: 'a character reference of Latin-1, or the character itself',
      found: 'another one',
    });
  // Without a semicolon, the longest name that it begins with counts.
  for (let length = name.length - 1; length > 1; length--) {
    const start = known.get(name.slice(0, length));
    if (start !== undefined) return start + reference.slice(1 + length);
  }
  return reference;
}
