/** The part of opentype.js, which ships no types, that is used. */
declare module "opentype.js" {
  export interface Path {
    /** @param decimals of the coordinates. @returns the `d` of an SVG path. */
    toPathData(decimals?: number): string;
  }
  export interface Glyph {
    /** In units of the font. */
    advanceWidth: number;
    getPath(x: number, y: number, fontSize: number): Path;
  }
  export interface Font {
    unitsPerEm: number;
    /** The glyph 0 stands for a missing character. */
    charToGlyphIndex(character: string): number;
    charToGlyph(character: string): Glyph;
  }
  const opentype: {
    /** @param buffer a TTF, OTF or WOFF file. */
    parse(buffer: ArrayBuffer): Font;
  };
  export default opentype;
}
