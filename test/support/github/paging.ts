import type { Call } from "./endpoint.ts";

const defaultPageSize = 30;
const largestPageSize = 100;

/**
 * One page of the items and the Link header that leads to the others. Sizes above GitHub's limit are cut to it.
 * https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api
 */
export function page<T>(call: Call, items: readonly T[]): { items: T[]; headers: Record<string, string> } {
  const size = Math.min(positive(call.query.get("per_page")) ?? defaultPageSize, largestPageSize);
  const current = positive(call.query.get("page")) ?? 1;
  const last = Math.max(1, Math.ceil(items.length / size));
  const links: string[] = [];
  const link = (relation: string, number: number): void => {
    const query = new URLSearchParams(call.query);
    query.set("page", String(number));
    links.push(`<${call.base}${call.canonicalPath}?${query}>; rel="${relation}"`);
  };
  if (current > 1) link("prev", Math.min(current - 1, last));
  if (current < last) {
    link("next", current + 1);
    link("last", last);
  }
  if (current > 1) link("first", 1);
  return {
    items: items.slice((current - 1) * size, current * size),
    headers: links.length > 0 ? { link: links.join(", ") } : {},
  };
}

function positive(text: string | null): number | undefined {
  const value = /^\d{1,9}$/.test(text ?? "") ? Number(text) : 0;
  return value > 0 ? value : undefined;
}
