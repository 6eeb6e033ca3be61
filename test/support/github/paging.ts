import { badRequest } from "./answers.ts";
import type { Call } from "./endpoint.ts";

const defaultPageSize = 30;
const largestPageSize = 100;

/**
 * One page of the items, and the Link header to the other pages. GitHub's limit caps the page size.
 * https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api
 */
export function page<T>(call: Call, items: readonly T[]): { items: T[]; headers: Record<string, string> } {
  const size = pageSize(call);
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

/**
 * The page of the items that starts at the one that the `cursor` parameter names, and the Link header to the neighbouring pages. Throws if
 * the cursor names none of them.
 */
export function pageFromCursor<T extends { id: number }>(
  call: Call,
  items: readonly T[],
): { items: T[]; headers: Record<string, string> } {
  const size = pageSize(call);
  const cursor = call.query.get("cursor");
  const start = cursor === null ? 0 : items.findIndex(({ id }) => cursor === `v1_${id}`);
  if (start < 0) throw badRequest();
  const links: string[] = [];
  const link = (relation: string, item: T | undefined): void => {
    const query = new URLSearchParams(call.query);
    query.set("cursor", `v1_${item?.id}`);
    links.push(`<${call.base}${call.canonicalPath}?${query}>; rel="${relation}"`);
  };
  if (start + size < items.length) link("next", items[start + size]);
  if (start > 0) link("prev", items[Math.max(0, start - size)]);
  return { items: items.slice(start, start + size), headers: links.length > 0 ? { link: links.join(", ") } : {} };
}

export function pageSize(call: Call): number {
  return Math.min(positive(call.query.get("per_page")) ?? defaultPageSize, largestPageSize);
}

function positive(text: string | null): number | undefined {
  const value = /^\d{1,9}$/.test(text ?? "") ? Number(text) : 0;
  return value > 0 ? value : undefined;
}
