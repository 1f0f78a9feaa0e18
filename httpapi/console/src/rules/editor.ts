// The editor of sources, and two sources side by side. CodeMirror is large: this file is loaded where it is shown only.
//
// Both live in a shadow root. There CodeMirror adopts style sheets; in the document it would write style elements, which
// the page's policy forbids. The colours come in by the tokens, as custom properties are inherited.
import {
  acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionContext,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, indentOnInput, StreamLanguage, syntaxHighlighting } from '@codemirror/language'
import { lua } from '@codemirror/legacy-modes/mode/lua'
import { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint'
import { MergeView, unifiedMergeView } from '@codemirror/merge'
import { EditorState, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { offersAt, type Category } from './complete'
import type { Mark } from './diagnose'

const colours = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: '13px' },
  '&.cm-focused': { outline: 'none' }, // the page shows the focus around the editor
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--text)', padding: '8px 0' },
  '.cm-cursor, .cm-dropCursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--accent-soft)',
  },
  '.cm-gutters': { color: 'var(--muted)', backgroundColor: 'var(--sunken)', borderRight: '1px solid var(--line)' },
  '.cm-activeLine': { backgroundColor: 'transparent', boxShadow: 'inset 0 1px var(--line), inset 0 -1px var(--line)' },
  '&.cm-focused .cm-matchingBracket, &.cm-focused .cm-nonmatchingBracket': { backgroundColor: 'var(--flash)' },
  '.cm-tooltip': {
    color: 'var(--text)', backgroundColor: 'var(--raised)', border: '1px solid var(--line-strong)',
    borderRadius: 'var(--radius-small)', boxShadow: 'var(--shadow-high)', fontSize: '13px',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxWidth: 'calc(100vw - 24px)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { color: 'var(--accent-text)', backgroundColor: 'var(--accent)' },
  '.cm-completionDetail': { color: 'var(--muted)', fontStyle: 'normal', fontFamily: 'var(--font)' },
  '.cm-tooltip-autocomplete ul li[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-diagnostic': { fontFamily: 'var(--font)', maxWidth: '480px' },
  '.cm-diagnostic-error': { borderLeft: '4px solid var(--bad)' },
  '.cm-diagnostic-warning': { borderLeft: '4px solid var(--warn)' },
  '.cm-panels': { color: 'var(--text)', backgroundColor: 'var(--raised)' },
  '.cm-panel.cm-panel-lint ul [aria-selected]': { backgroundColor: 'var(--hover)' },
  '&.cm-merge-a .cm-changedLine, .cm-deletedChunk': { backgroundColor: 'var(--bad-soft)' },
  '&.cm-merge-b .cm-changedLine, .cm-insertedLine': { backgroundColor: 'var(--good-soft)' },
  // At 10 % all colours of the text still have their contrast.
  '&.cm-merge-a .cm-changedText, & .cm-deletedChunk .cm-deletedText': {
    background: 'color-mix(in srgb, var(--bad) 10%, transparent)',
  },
  '&.cm-merge-b .cm-changedText': { background: 'color-mix(in srgb, var(--good) 10%, transparent)' },
  '&.cm-merge-a .cm-changedLineGutter, & .cm-deletedLineGutter': { background: 'var(--bad)' },
  '&.cm-merge-b .cm-changedLineGutter': { background: 'var(--good)' },
})

const words = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--accent)', fontWeight: '600' },
  { tag: tags.standard(tags.variableName), color: 'var(--accent)' },
  { tag: tags.string, color: 'var(--good)' },
  { tag: tags.number, color: 'var(--warn)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
])

const reading: Extension = [lineNumbers(), StreamLanguage.define(lua), syntaxHighlighting(words), colours]

// When text is typed over a selection, Chromium keeps the colour of what was there by a style attribute, which the page's
// policy blocks and reports. So the editor itself puts the text in place.
const typeOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main
    if (event.inputType !== 'insertText' || event.data === null || event.isComposing || empty) return false
    const text = event.data
    const change = () => view.state.update(view.state.replaceSelection(text), { userEvent: 'input.type', scrollIntoView: true })
    const handlers = view.state.facet(EditorView.inputHandler)
    if (!handlers.some((handle) => handle(view, from, to, text, change))) view.dispatch(change())
    event.preventDefault()
    return true
  },
})

/** Editor is a source that can be changed. */
export interface Editor {
  /** show puts marks at what is wrong. They must be of the present source. */
  show(marks: Mark[]): void
  /** replace puts another source in place; it can be undone. */
  replace(source: string): void
  /** goTo puts the cursor at a line, and the focus in the editor. */
  goTo(line: number): void
  destroy(): void
}

/** makeEditor puts an editor into an empty element. */
export function makeEditor(host: HTMLElement, source: string, options: {
  label: string
  categories: () => Category[]
  changed: (source: string) => void
}): Editor {
  const root = host.attachShadow({ mode: 'open' })
  const complete = (context: CompletionContext) => {
    const found = offersAt(context.state.sliceDoc(0, context.pos), options.categories(), context.explicit)
    return found && {
      from: found.from,
      options: found.offers.map(({ label, detail, kind, insert }) => ({ label, detail, type: kind, apply: insert })),
      validFor: /^\w*$/,
    }
  }
  const view = new EditorView({
    root,
    parent: root,
    doc: source,
    extensions: [
      reading,
      typeOver,
      lintGutter(),
      history(),
      drawSelection(),
      highlightActiveLine(),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      autocompletion({ override: [complete], icons: false }),
      EditorView.theme({
        '&': { maxHeight: '62vh' },
        '.cm-scroller': { overflow: 'auto' },
        '.cm-content, .cm-gutter': { minHeight: '240px' },
      }),
      EditorView.contentAttributes.of({ 'aria-label': options.label, tabindex: '0' }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) options.changed(update.state.doc.toString())
      }),
      // Escape, and then Tab, leaves the editor: CodeMirror lets the next Tab through.
      keymap.of([
        { key: 'Tab', run: acceptCompletion },
        ...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab,
      ]),
    ],
  })
  return {
    show(marks) {
      view.dispatch(setDiagnostics(view.state, marks))
    },
    replace(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } })
    },
    goTo(line) {
      const at = view.state.doc.line(Math.min(line, view.state.doc.lines))
      view.dispatch({ selection: { anchor: at.from + at.text.length - at.text.trimStart().length }, scrollIntoView: true })
      view.focus()
    },
    destroy: () => view.destroy(),
  }
}

/** Side is one of the two sources that are compared. */
export interface Side {
  label: string
  source: string
}

/** compare shows two sources, side by side or, where there is no space, as one with its changes. */
export function compare(host: HTMLElement, before: Side, after: Side, narrow: boolean): { destroy(): void } {
  const root = host.attachShadow({ mode: 'open' })
  const extensions = (label: string): Extension => [
    reading,
    EditorView.lineWrapping,
    EditorState.readOnly.of(true),
    EditorView.contentAttributes.of({ 'aria-label': label, 'aria-readonly': 'true', tabindex: '0' }),
  ]
  if (narrow) {
    const merge = unifiedMergeView({ original: before.source, mergeControls: false, gutter: true })
    const label = `Changes from ${before.label} to ${after.label}`
    return new EditorView({ root, parent: root, doc: after.source, extensions: [extensions(label), merge] })
  }
  return new MergeView({
    root,
    parent: root,
    a: { doc: before.source, extensions: extensions(before.label) },
    b: { doc: after.source, extensions: extensions(after.label) },
  })
}
