/** What LangBot's page SDK gives, and the data of the page's API as docs/plugin.md describes it. */

declare const langbot: {
  api(endpoint: string, body?: unknown): Promise<unknown>;
  onReady(callback: (context: { language: string; theme: string }) => void): void;
  onLanguageChange(callback: (language: string) => void): void;
};

type Language = 'en' | 'zh-Hans';
type Scope = 'conversation' | 'actor' | 'subject' | 'runner';

interface ScopeRef {
  scope: Scope;
  parts: Record<string, string | null>;
}

interface ScopeView extends ScopeRef {
  /** Whom the scope belongs to; `in` is the conversation that names the scope, where one does. */
  whose: { kind: 'person' | 'group' | 'conversation' | 'subject' | 'runner'; id: string | null; in: string | null };
}

interface FoundScope extends ScopeView {
  updated_at: number;
  /** The keys that hold the text that was searched for. */
  keys: string[];
  /** Absent for a scope that is listed because of its latest write. */
  entries?: number;
}

interface StoredScope extends FoundScope {
  entries: number;
  value_bytes: number;
}

interface EntryFacts {
  key: string;
  version: number;
  updated_at: number;
  expires_at: number | null;
  run_id: string | null;
  value_bytes: number;
  masked: boolean;
}

interface Preview extends EntryFacts {
  /** The beginning of the value; null when the stored bytes are not a JSON value. */
  preview: string | null;
}

interface Entry extends EntryFacts {
  /** The value as JSON text; null when the stored bytes are not a JSON value. */
  text: string | null;
}

interface Written {
  scope: ScopeView;
  key: string;
  version: number;
  updated_at: number;
  value_bytes: number;
  run_id: string | null;
}

interface Day {
  /** Days since 1970. */
  day: number;
  new: number;
  changed: number;
}

interface Overview {
  made_at: number;
  scopes: number;
  entries: number;
  value_bytes: number;
  days: Day[];
  newest: Written[];
  runners: Record<string, number>;
  bots: Record<string, number>;
}

interface Place {
  url: string;
  bot_names: Record<string, string>;
}

interface FindRequest {
  limit: number;
  text?: string;
  scope?: string;
  runner?: string;
  bot?: string;
  whose?: string;
  id?: string;
}

interface PersonRequest {
  id: string;
  bot?: string;
}

/** Each endpoint's request and answer. */
interface Endpoints {
  '/overview': [request: object, answer: Place & ({ pending_s: number } | (Overview & { pending_s?: never }))];
  '/find': [
    request: FindRequest & { inside: boolean; cursor: string | null },
    answer: { scopes: StoredScope[]; looked_into: number; cursor: string | null },
  ];
  '/entries': [
    request: { scope: ScopeRef; after?: string | null; limit?: number },
    answer: { entries: Preview[]; next: string | null },
  ];
  '/entry': [request: { scope: ScopeRef; key: string; reveal: boolean }, answer: { entry: Entry }];
  '/save': [request: { scope: ScopeRef; key: string; text: string; version: number }, answer: { entry: Entry }];
  '/delete': [request: { scope: ScopeRef; key: string; version: number }, answer: { entry: null }];
  '/clear': [request: { scope: ScopeRef }, answer: { deleted: number }];
  '/export': [
    request: { scope: ScopeRef; after: string | null; reveal: boolean },
    answer: { entries: Entry[]; next: string | null },
  ];
  '/person': [request: PersonRequest, answer: { scopes: StoredScope[]; entries: number }];
  '/erase': [request: PersonRequest, answer: { deleted: number }];
}

interface ApiError {
  code: string;
  message: string;
  /** With `unavailable`: the store. */
  url?: string;
  /** With `conflict`: what is stored now; null when it was deleted. */
  current?: Entry | null;
}

type Answer<E extends keyof Endpoints> = (Endpoints[E][1] & { error?: never }) | { error: ApiError };
