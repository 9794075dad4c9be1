/** Editing an entry, or adding one. */

import { call, refOf } from '../api.js';
import { leaveDialog, openDialog } from '../dialog.js';
import { button, h, row } from '../dom.js';
import { alertBox } from '../elements.js';
import { state } from '../state.js';
import { t } from '../texts.js';
import { visible } from '../visible.js';
import { entryChanged } from './changes.js';
import { conflictBox } from './conflict.js';
import { ValueField } from './value_field.js';

const NEW_VALUE = '""';

/** @param {ScopeView} scope */
export const addEntry = (scope) => new EditForm(scope, null).open();

/**
 * @param {ScopeView} scope
 * @param {Entry} entry With nothing hidden in it: the dots would be saved.
 */
export const editEntry = (scope, entry) => new EditForm(scope, entry).open();

class EditForm {
  #scope;
  #entry;
  /** The version that the writer has seen; 0 for none. */
  #version;
  #key;
  #value;
  #began;
  #trouble = h('div');
  #save = button(t('save'), () => this.#submit(), 'main');

  /**
   * @param {ScopeView} scope
   * @param {Entry | null} entry
   */
  constructor(scope, entry) {
    this.#scope = scope;
    this.#entry = entry;
    this.#version = entry?.version ?? 0;
    this.#key = h('input', { maxlength: 255, autofocus: !entry, oninput: () => this.#enable() });
    this.#key.value = entry?.key ?? '';
    this.#value = new ValueField(entry ? (entry.text ?? '') : NEW_VALUE, Boolean(entry), () => this.#enable());
    this.#began = this.#value.text;
  }

  open() {
    const title = this.#entry ? visible(this.#entry.key) : t('add');
    const key = this.#entry ? null : h('label', {}, t('key'), this.#key);
    this.#value.area.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.#save.click();
    });
    const buttons = row(this.#save, button(t('cancel'), leaveDialog));
    openDialog(title, key, this.#value.element, this.#trouble, buttons);
    state.unsaved = () => this.#value.text !== this.#began || (!this.#entry && this.#key.value !== '');
    this.#enable();
  }

  #enable() {
    this.#save.disabled = !(this.#value?.isValid && this.#key.value);
  }

  async #submit() {
    this.#save.disabled = true;
    const request = { key: this.#key.value, text: this.#value.text, version: this.#version };
    const answer = await call('/save', { scope: refOf(this.#scope), ...request });
    this.#enable();
    if (answer.error) this.#trouble.replaceChildren(this.#troubleWith(answer.error));
    else await entryChanged(t('saved', { key: visible(answer.entry.key), n: answer.entry.version }));
  }

  /**
   * Show somebody else's newer write; nothing is overwritten until the writer chooses.
   *
   * @param {ApiError} error
   */
  #troubleWith(error) {
    if (error.code !== 'conflict') return alertBox(error);
    const now = error.current ?? null;
    const keep = button(t('keep_mine'), () => this.#goOn(now));
    const take = button(t('take_theirs'), () => this.#take(now));
    const hint = h('p', { class: 'small muted' }, t('keep_hint'));
    return conflictBox(now, hint, row(keep, now && !now.masked ? take : null));
  }

  /** @param {Entry | null} now */
  #goOn(now) {
    this.#version = now?.version ?? 0;
    this.#trouble.replaceChildren();
    this.#value.area.focus();
  }

  /** @param {Entry | null} now */
  #take(now) {
    this.#goOn(now);
    this.#value.set(now?.text ?? '');
  }
}
