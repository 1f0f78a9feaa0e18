// Light or dark: as the system says, until the viewer chooses.

const stored = 'apportion-theme'

/** theme is what is shown. */
export const theme = $state({ dark: false })

function show(dark: boolean): void {
  theme.dark = dark
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
}

/** startTheme shows the viewer's choice, or follows the system. */
export function startTheme(): void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const chosen = () => localStorage.getItem(stored)
  show(chosen() ? chosen() === 'dark' : system.matches)
  system.addEventListener('change', () => {
    if (!chosen()) show(system.matches)
  })
}

/** switchTheme changes to the other one, and remembers it. */
export function switchTheme(): void {
  show(!theme.dark)
  localStorage.setItem(stored, theme.dark ? 'dark' : 'light')
}
