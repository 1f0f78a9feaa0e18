import { gzipSync } from 'node:zlib'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser } from 'playwright-core'
import { accessible, launch, open, picture, views } from './browser'
import { serve, tokensFile, type Server } from './server'

const secret = '0123456789abcdef-console'
let browser: Browser
let server: Server
let closed: Server

beforeAll(async () => {
  browser = await launch()
  server = await serve('--demo')
  closed = await serve('--demo', '--tokens', tokensFile('ann', secret))
})

afterAll(async () => {
  await browser?.close()
  await Promise.all([server?.stop(), closed?.stop()])
})

it('begins with 80 kB, compressed, and loads 200 kB before the editor', () => {
  const app = join(import.meta.dirname, '../dist/app')
  const html = readFileSync(join(app, 'index.html'), 'utf8')
  const first = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map((m) => m[1]!)
  const chunks = readdirSync(join(app, 'assets')).filter((name) => name.endsWith('.js'))
  const later = new Set(chunks.filter((name) => /^(Rules|editor)-/.test(name)))
  const files = new Set([...first, ...chunks.filter((name) => !later.has(name)).map((name) => 'assets/' + name)])
  const size = (names: Iterable<string>) =>
    [...names].reduce((sum, name) => sum + gzipSync(readFileSync(join(app, name))).length, 0)
  const [begin, total] = [size(first), size(files)]
  console.log(`The console begins with ${Math.round(begin / 1000)} kB, and loads ${Math.round(total / 1000)} kB in all, compressed.`)
  expect(begin).toBeLessThan(80_000)
  expect(files.size).toBeGreaterThan(2)
  expect(total).toBeLessThan(200_000)
})

it('is where a browser gets that opens the server, with nothing inline', async () => {
  const { page, errors } = await open(browser, server.url, '')
  await page.goto(server.url + '/')
  await page.getByRole('heading', { level: 1 }).waitFor()
  expect(page.url()).toContain('/console/#/')
  expect(errors).toEqual([])
  await page.context().close()
})

it('asks for a token where the server has some, and keeps it from scripts', async () => {
  const { page, errors } = await open(browser, closed.url, '/cluster')
  await page.getByLabel('Token').fill('not the secret of it')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText('That is not the secret').waitFor()
  await accessible(page)
  await picture(page, 'login')
  await page.getByLabel('Token').fill(secret)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Cluster' }).waitFor()
  expect(await page.evaluate(() => document.cookie)).toBe('')
  await page.reload()
  await page.getByText('ann', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Token').waitFor()
  // The browser itself reports the refused login.
  expect(errors.filter((text) => !text.includes('401'))).toEqual([])
  await page.context().close()
})

it('shows the cluster', async () => {
  await views(browser, server.url, '/cluster', 'cluster', async (page) => {
    await page.getByText('a second, written to the log').waitFor()
    await page.getByText('This node runs alone').waitFor()
    await page.getByRole('img', { name: /^Written to the log/ }).locator('canvas').waitFor()
  })
})

it('says when the server does not answer, and goes on when it does', async () => {
  const { page } = await open(browser, server.url, '/cluster')
  await page.getByText('a second, written to the log').waitFor()
  await page.context().setOffline(true)
  await page.getByText('Connection lost.').waitFor()
  await accessible(page)
  await page.context().setOffline(false)
  await page.getByText('Connection lost.').waitFor({ state: 'detached' })
  await page.context().close()
})
