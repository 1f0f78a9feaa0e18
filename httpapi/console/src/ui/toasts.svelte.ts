// Short messages at the foot of the page, some with a way back.

export interface Toast {
  text: string
  bad?: boolean
  action?: { label: string; act: () => void }
}

interface Shown extends Toast {
  id: number
}

/** toasts are those that are shown. */
export const toasts = $state<Shown[]>([])

/** inDialogs counts the dialogs that are open: each shows the messages itself, since what is behind it cannot be used. */
export const inDialogs = $state({ open: 0 })

let last = 0

/** toast shows a message; one with an action stays longer. */
export function toast(message: Toast): void {
  const id = ++last
  toasts.push({ ...message, id })
  setTimeout(() => dismiss(id), message.action || message.bad ? 12_000 : 5_000)
}

/** dismiss takes a message away. */
export function dismiss(id: number): void {
  const at = toasts.findIndex((shown) => shown.id === id)
  if (at >= 0) toasts.splice(at, 1)
}
