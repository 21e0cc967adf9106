/** From text to the recogniser's input, and from its output to text. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import opentype, { type Font } from "opentype.js";
import sharp from "sharp";
import type { Tensor } from "../../oracle/core/tensor.ts";
import { alphabet, columns, inputShape, lineHeight, lineWidth, outputShape } from "./model.ts";

const fontSize = 30;
const margin = 8;
/** More of them would be drawn smaller than the recogniser can tell apart. */
export const maxCharacters = 24;
let font: Font | undefined;

/** A font file of the lock file draws the same line on every machine, whether it has fonts or not. */
function loadFont(): Font {
  const bytes = readFileSync(fileURLToPath(import.meta.resolve("@fontsource/dejavu-sans/files/dejavu-sans-latin-400-normal.woff")));
  return opentype.parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/**
 * Draws `text` in black on white, smaller where it would not fit.
 * @returns uint8[1, 48, 320], 0 black to 255 white.
 * @throws Error where the text is longer than 24 characters, or the font lacks one of them.
 */
export async function renderLine(text: string): Promise<Tensor> {
  font ??= loadFont();
  if ([...text].length > maxCharacters)
    throw new Error(`"${text}" has ${[...text].length} characters; a line has at most ${maxCharacters}`);
  const missing = [...text].find((character) => character !== " " && font!.charToGlyphIndex(character) === 0);
  if (missing !== undefined) throw new Error(`the demonstration's font has no "${missing}"; use Latin letters, digits and punctuation`);
  const glyphs = Array.from(text, (character) => font!.charToGlyph(character));
  const advance = glyphs.reduce((sum, glyph) => sum + glyph.advanceWidth, 0) / font.unitsPerEm;
  const size = Math.min(fontSize, (lineWidth - 2 * margin) / Math.max(advance, 1));
  const baseline = lineHeight / 2 + 0.36 * size;
  let x = margin;
  const path = glyphs.map((glyph) => {
    const outline = glyph.getPath(x, baseline, size).toPathData(2);
    x += (glyph.advanceWidth / font!.unitsPerEm) * size;
    return outline;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${lineWidth}" height="${lineHeight}"><rect width="100%" height="100%" fill="#fff"/><path d="${path.join("")}"/></svg>`;
  const data = await sharp(Buffer.from(svg)).removeAlpha().greyscale().toColourspace("b-w").raw().toBuffer();
  return { dtype: "uint8", shape: inputShape, data: new Uint8Array(data) };
}

/**
 * Reads the classes of the columns as text: repeated classes are one character, blanks part them.
 * @param output int32[1, 40].
 * @throws Error where `output` is another tensor or names a class that doesn't exist.
 */
export function decodeText({ dtype, shape, data }: Tensor): string {
  if (dtype !== "int32" || shape.join() !== outputShape.join() || data.length !== 4 * columns) {
    throw new Error(`the recogniser gives int32[${outputShape.join(", ")}], not ${dtype}[${shape.join(", ")}]`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const classes = Array.from({ length: columns }, (_, column) => view.getInt32(4 * column, true));
  const characters = classes.map((value, column) => {
    const character = alphabet[value];
    if (character === undefined) throw new Error(`column ${column} names class ${value}; there are ${alphabet.length}`);
    return value === classes[column - 1] ? "" : character;
  });
  // The empty paper behind the text is read as a space.
  return characters.join("").trimEnd();
}
