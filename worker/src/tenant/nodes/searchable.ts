/**
 * Which indices have left the days that a plan keeps in the indexer. By the date in an index's name: its age says nothing,
 * because all indices of a replaced node are as old as its container.
 */
const PATTERNS = "wazuh-alerts-*,wazuh-archives-*";
const DATED = /^wazuh-(?:alerts|archives)-.*-(\d{4})\.(\d{2})\.(\d{2})$/;

/**
 * Of index names, those of a day before `since`; a name without a date is nobody's to judge.
 * @param besides earlier days that stay, YYYY-MM-DD
 */
export function outdated(names: string[], since: number, besides: string[] = []): string[] {
  return names.filter((name) => {
    const [, year, month, day] = DATED.exec(name) ?? [];
    if (year === undefined || besides.includes(`${year}-${month}-${day}`)) return false;
    return Date.UTC(Number(year), Number(month) - 1, Number(day)) < since;
  });
}

/**
 * Deletes them; the journal keeps their alerts as long as the plan says.
 * @throws Error where the indexer does not do it
 */
export async function dropOutdated(
  ask: (method: string, path: string) => Promise<Response>,
  since: number,
  besides: string[],
): Promise<void> {
  const answered = async (method: string, path: string) => {
    const answer = await ask(method, path);
    if (!answer.ok) throw new Error(`the indexer answered ${answer.status} to ${method} of old indices`);
    return answer.json();
  };
  const rows = (await answered("GET", `/_cat/indices/${PATTERNS}?format=json`)) as { index: string }[];
  const names = rows.map(({ index }) => index);
  const gone = outdated(names, since, besides);
  if (gone.length > 0) await answered("DELETE", `/${gone.join(",")}`);
}
