import { parse, resetSVGDefIds, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** Draws a Vega-Lite specification. The result depends only on the specification. It uses the viewer's own font, and downloads nothing. */
export async function svg(specification: object): Promise<string> {
  // Vega numbers clip paths across all drawings. Without a reset, the result would depend on earlier drawings.
  resetSVGDefIds();
  const { spec } = compile({ ...look, ...specification } as TopLevelSpec);
  const view = new View(parse(spec), { renderer: "none" });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}

const look = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  background: "white",
  padding: 12,
  config: {
    font: "sans-serif",
    axis: { labelFontSize: 12, titleFontSize: 12 },
    legend: { labelFontSize: 12, labelLimit: 400 },
  },
};
