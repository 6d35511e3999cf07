/** The little XML that S3's calls need: elements with text, and elements with elements. */

export const S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };
const CHARACTERS: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** An element with text. */
export function element(name: string, text: string | number | boolean): string {
  return `<${name}>${String(text).replaceAll(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign)}</${name}>`;
}

/** An element with elements. */
export const group = (name: string, elements: string[]) => `<${name}>${elements.join("")}</${name}>`;

/** A whole answer of S3. */
export const documentOf = (name: string, elements: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="${S3_NAMESPACE}">${elements.join("")}</${name}>`;

/**
 * What stands in each element of a name, as markup. It reads the text once, whatever it holds: a pattern that looks for
 * an end could be made to read all of it for each beginning.
 * @returns null where an element has no end
 */
export function insides(xml: string, name: string): string[] | null {
  const [open, close] = [`<${name}>`, `</${name}>`];
  const found: string[] = [];
  for (let at = xml.indexOf(open); at >= 0; at = xml.indexOf(open, at)) {
    const end = xml.indexOf(close, at);
    if (end < 0) return null;
    found.push(xml.slice(at + open.length, end));
    at = end;
  }
  return found;
}

/** The text of the first element of a name; null where there is none. */
export function textIn(xml: string, name: string): string | null {
  const inside = insides(xml, name)?.[0];
  return inside === undefined ? null : unescaped(inside.trim());
}

const unescaped = (text: string) =>
  text.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{2,4}));/g, (all, decimal, hex, name) => {
    const point = decimal ? Number(decimal) : Number.parseInt(hex, 16);
    if (name) return CHARACTERS[name] ?? all;
    return point <= 0x10ffff ? String.fromCodePoint(point) : all;
  });
