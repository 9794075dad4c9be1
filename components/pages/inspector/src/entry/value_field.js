import { h } from '../dom.js';
import { size } from '../format.js';
import { t } from '../texts.js';
import { jsonFault, looksLikeJson, plainText } from './json.js';

/** A field for a value: as plain text where it is text, else as JSON. */
export class ValueField {
  #onChange;
  #isPlain = false;
  #isTyped = false;
  #hint = h('p', { id: 'hint', class: 'small muted', role: 'status' });
  #asText = kindChoice('as_text');
  #asJson = kindChoice('as_json');

  /**
   * @param {string} json The value as JSON text.
   * @param {boolean} autofocus
   * @param {() => void} onChange
   */
  constructor(json, autofocus, onChange) {
    this.#onChange = onChange;
    this.area = h('textarea', {
      ...{ id: 'value', rows: 10, spellcheck: 'false', autofocus, dir: 'ltr', 'aria-describedby': 'hint' },
      oninput: () => this.#typed(),
    });
    this.#asText.addEventListener('change', () => this.#show(this.#json(), true));
    this.#asJson.addEventListener('change', () => this.#show(this.#json(), false));
    this.element = this.#element();
    this.set(json);
  }

  /** The value as JSON text, valid or not. */
  get text() {
    return this.#isPlain ? JSON.stringify(this.area.value) : this.area.value;
  }

  get isValid() {
    return this.#isPlain || !jsonFault(this.area.value);
  }

  /** @param {string} json */
  set(json) {
    this.#show(json, plainText(json) !== null);
  }

  #element() {
    const legend = h('legend', { class: 'visually-hidden' }, t('kind'));
    const text = h('label', { class: 'check' }, this.#asText, t('as_text'));
    const json = h('label', { class: 'check' }, this.#asJson, t('as_json'));
    const area = h('label', {}, t('value'), this.area);
    return h('div', { class: 'stack' }, h('fieldset', {}, legend, text, json), area, this.#hint);
  }

  #typed() {
    this.#isTyped = true;
    this.#update();
  }

  /** Return what is there as JSON text; JSON that was typed as text is taken for JSON. */
  #json() {
    const { value } = this.area;
    const isJson = !this.#isPlain || !value || (this.#isTyped && !jsonFault(value));
    return isJson ? value : JSON.stringify(value);
  }

  /**
   * @param {string} json
   * @param {boolean} plain
   */
  #show(json, plain) {
    this.#isPlain = plain;
    this.#isTyped = false;
    this.#asText.checked = plain;
    this.#asJson.checked = !plain;
    this.area.value = plain ? (plainText(json) ?? '') : json;
    this.#update();
  }

  #update() {
    const { value } = this.area;
    const isEmpty = !value.trim();
    const isWrong = !isEmpty && !this.isValid;
    this.#hint.textContent = this.#hintText(isEmpty);
    this.#hint.className = isWrong ? 'small danger-text' : 'small muted';
    this.#asText.disabled = !this.#isPlain && !isEmpty && plainText(value) === null;
    this.#onChange();
  }

  /** @param {boolean} isEmpty */
  #hintText(isEmpty) {
    const { value } = this.area;
    if (this.#isPlain) return t(looksLikeJson(value) ? 'text_like_json' : 'text_hint');
    if (isEmpty) return t('json_hint');
    const fault = jsonFault(value);
    return fault ? t('not_json', fault) : t('is_json', { size: size(new TextEncoder().encode(value).length) });
  }
}

/** @param {'as_text' | 'as_json'} kind */
const kindChoice = (kind) => h('input', { type: 'radio', name: 'kind', value: kind });
