import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { labelOf, readExpression } from './promql.ts';
import { publishedMetrics } from './published-metrics.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

/** Of the target that is scraped, whatever it publishes. */
const TARGET_LABELS = ['job', 'instance'];

const published = new Map([...(await publishedMetrics()), ['up', new Set<string>()]]);
const { groups } = load(monitoring('rules.yaml')) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);
const dashboard = JSON.parse(monitoring('dashboard.json')) as Dashboard;
const { panels, templating } = dashboard;
const charts = panels.filter(({ type }) => type !== 'row');

describe('deploy/monitoring/rules.yaml', () => {
  it.each(alerts.map((alert) => [alert.alert, alert] as const))('%s can fire', (_, { expr }) => {
    expectPublished(expr);
  });

  it('looks at the job that other rules for kube-proxy look at, and at no other', () => {
    for (const { alert, expr } of alerts) {
      const { selectors, metrics } = readExpression(expr);
      expect(new Set(selectors.map(({ metric }) => metric)), alert).toEqual(new Set(metrics));
      for (const { matchers } of selectors) expect(matchers, alert).toContain('job="kube-proxy"');
    }
  });

  it('tells who is affected, how badly, and what to do', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, expr, labels, annotations, ...rest } of alerts) {
      expect(rest.for, alert).toMatch(/^\d+[mh]$/);
      expect(['critical', 'warning', 'info'], alert).toContain(labels['severity']);
      expect(annotations, alert).toEqual({
        summary: expect.stringMatching(/\.$/),
        description: expect.stringMatching(/[.?]$/),
      });
      const { grouping, metrics } = readExpression(expr);
      const kept = grouping.length > 0 ? grouping : [...TARGET_LABELS, ...labelsOf(metrics)];
      for (const [, label] of Object.values(annotations)
        .join(' ')
        .matchAll(/\$labels\.(\w+)/g)) {
        expect(kept, alert).toContain(label);
      }
    }
  });
});

describe('deploy/monitoring/dashboard.json', () => {
  it.each(charts.map((panel) => [panel.title, panel] as const))('%s has something to show', (_, panel) => {
    expect(panel.targets).not.toEqual([]);
    for (const { expr } of panel.targets ?? []) {
      expectPublished(expr);
      for (const { matchers } of readExpression(expr).selectors) {
        expect(matchers).toEqual(expect.arrayContaining(['job="$job"', 'instance=~"$instance"']));
      }
    }
  });

  it('lets choose the data source, the job and the nodes', () => {
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance']);
    for (const { definition } of templating.list) {
      const [, metric] = /^label_values\((\w+)/.exec(definition ?? '') ?? [];
      if (definition !== undefined) expect([...published.keys()]).toContain(metric);
    }
    for (const { title, datasource } of charts) expect(datasource?.uid, title).toMatch(/^\$\{datasource\}$/);
  });

  it('explains every chart', () => {
    for (const { title, description } of charts) expect(description, title).toMatch(/\.$/);
  });

  it('puts every panel into a place of its own', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (const cell of cellsOf(gridPos)) {
        expect(taken.get(cell), `${title} at ${cell}`).toBeUndefined();
        taken.set(cell, title);
      }
    }
  });
});

/** All metrics of an expression exist, with the labels that it wants of them. */
function expectPublished(expr: string): void {
  const { metrics, selectors, grouping } = readExpression(expr);
  expect(metrics).not.toEqual([]);
  for (const metric of metrics) expect([...published.keys()], expr).toContain(metric);
  for (const { metric, matchers } of selectors) {
    for (const matcher of matchers)
      expect([...TARGET_LABELS, ...labelsOf([metric])], expr).toContain(labelOf(matcher));
  }
  for (const label of grouping) expect([...TARGET_LABELS, ...labelsOf(metrics)], expr).toContain(label);
}

function labelsOf(metrics: readonly string[]): readonly string[] {
  return metrics.flatMap((metric) => [...(published.get(metric) ?? [])]);
}

function* cellsOf({ x, y, w, h }: Panel['gridPos']): Iterable<string> {
  for (let i = x; i < x + w; i++) for (let j = y; j < y + h; j++) yield `${i},${j}`;
}

function monitoring(name: string): string {
  return readFileSync(new URL(`../../deploy/monitoring/${name}`, import.meta.url), 'utf8');
}
