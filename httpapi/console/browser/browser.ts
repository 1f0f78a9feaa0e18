// A real browser for the stories.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import { expect, inject } from 'vitest'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const desktop = { width: 1280, height: 800 }
export const phone = { width: 390, height: 844 }

/** launch connects to the browser; closing it closes what was opened in it. */
export function launch(): Promise<Browser> {
  return chromium.connect(inject('browser'))
}

/** Tab is a page whose errors are kept. */
export interface Tab {
  page: Page
  errors: string[]
}

/** open opens a path of the console in a new window. */
export async function open(browser: Browser, url: string, path: string, viewport = desktop, dark = false): Promise<Tab> {
  const context = await browser.newContext({
    viewport,
    colorScheme: dark ? 'dark' : 'light',
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const errors: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.goto(`${url}/console/#${path}`)
  return { page, errors }
}

/**
 * accessible demands that axe finds nothing in a part of the page. It runs past the page's policy, as a debugger does. Of
 * many like rows it looks at the first few, since it is slow.
 */
export async function accessible(page: Page, part = 'body'): Promise<void> {
  await page.evaluate(axe)
  const result = await page.evaluate((part) => {
    const runOnly = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const lines = { fromShadowDom: ['.editor', '.cm-line:nth-child(n + 6)'] }
    const exclude = ['.place:nth-child(n + 3)', 'tbody tr:nth-child(n + 6)', lines]
    const options = { runOnly, resultTypes: ['violations'], ...(part !== 'body' && { rules: { region: { enabled: false } } }) }
    return (window as any).axe.run({ include: [part], exclude }, options)
  }, part)
  const faults = result.violations.map((v: any) => `${v.id}: ${v.help}\n${v.nodes.map((n: any) => '  ' + n.html).join('\n')}`)
  expect(faults).toEqual([])
}

/** fits demands that nothing sticks out of the window at its side. */
export async function fits(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const)
  expect(content).toBeLessThanOrEqual(window)
}

/** picture keeps a screenshot if CONSOLE_PICTURES names a directory for them. */
export async function picture(page: Page, name: string): Promise<void> {
  const dir = process.env.CONSOLE_PICTURES
  if (!dir) return
  mkdirSync(dir, { recursive: true })
  await page.screenshot({ path: join(dir, name + '.png') })
}

/**
 * views opens a path on a desktop and a phone, light and dark: each must fit and log no error. axe, which is slow, looks at
 * each size and at each theme once.
 */
export async function views(browser: Browser, url: string, path: string, name: string, ready: (page: Page) => Promise<unknown>) {
  for (const [size, viewport] of [['desktop', desktop], ['phone', phone]] as const) {
    const { page, errors } = await open(browser, url, path, viewport)
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme })
      await ready(page)
      await picture(page, `${name}-${size}-${theme}`)
      if ((theme === 'dark') === (size === 'phone')) await accessible(page)
      await fits(page)
      expect(errors).toEqual([])
    }
    await page.context().close()
  }
}
