import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { accessible, desktop, fits, launch, open, phone, picture } from './browser'
import { send, serve, type Server } from './server'

let browser: Browser
let server: Server

// The second version lends from eBay; its source has a test.
const first = `-- Orders of Amazon take from Amazon only.
function select(item, record)
  return {
    { tags = item.tags },
  }
end
`
const second = `-- Amazon borrows from eBay, which keeps 5.
function select(item, record)
  return {
    { tags = item.tags },
    { tags = { Channel = "eBay" }, keep = 5 },
  }
end

tests = {
  {
    name = "borrows what is missing",
    item = { quantity = 25, tags = { Channel = "Amazon" } },
    record = { segments = {
      { tags = { Channel = "Amazon" }, onHand = 20 },
      { tags = { Channel = "eBay" }, onHand = 20 },
    } },
    expect = { missing = 0 },
  },
}
`

beforeAll(async () => {
  browser = await launch()
  server = await serve('--demo')
  await send(server, 'PUT', '/v1/rules/borrow?author=ann', { source: first })
  await send(server, 'PUT', '/v1/rules/borrow?author=bob', { source: second })
  await send(server, 'POST', '/v1/rules/borrow/activate', { version: 1, scope: { tags: { Channel: 'Amazon' } } })
})

afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

/** view opens a path, which must fit, be accessible and log no error: each part of the page in both sizes and themes. */
async function view(path: string, name: string, size: typeof phone, dark: boolean, ready: (page: Page) => Promise<unknown>) {
  const { page, errors } = await open(browser, server.url, path, size, dark)
  await ready(page)
  await accessible(page)
  await fits(page)
  await picture(page, name)
  expect(errors).toEqual([])
  await page.context().close()
}

it('shows a rule, its source with colours, and its tests', async () => {
  for (const [viewport, dark] of [[desktop, false], [phone, true]] as const) {
    await view('/rules?rule=borrow', `rules-${dark ? 'phone-dark' : 'desktop-light'}`, viewport, dark, async (page) => {
      await page.locator('.cm-line', { hasText: 'Amazon borrows from eBay' }).waitFor()
      await page.getByText('compiles').waitFor()
      await page.getByText('borrows what is missing', { exact: true }).waitFor()
    })
  }
})

it('shows two versions side by side, or as one with its changes', async () => {
  for (const [viewport, dark] of [[desktop, true], [phone, false]] as const) {
    const name = `rules-versions-${dark ? 'desktop-dark' : 'phone-light'}`
    await view('/rules?rule=borrow&part=versions', name, viewport, dark, async (page) => {
      await page.getByRole('textbox', { name: /version 2/ }).scrollIntoViewIfNeeded()
      await page.locator('.cm-line', { hasText: 'keep = 5' }).waitFor()
    })
  }
})

it('makes a rule by keys: completes, shows errors at their line, saves, activates, rolls back', async () => {
  const { page, errors } = await open(browser, server.url, '/rules?new=yes')
  await page.getByLabel('Name').fill('mine')
  const source = page.getByRole('textbox', { name: /Source of/ })
  await page.getByText('compiles').waitFor()
  await source.click()
  await page.keyboard.press('Control+a')
  await page.keyboard.type('function select(item, record)\nif record.avail')
  await page.getByRole('option', { name: 'available' }).waitFor()
  await picture(page, 'rules-complete')
  // Not by Enter: the editor takes no key for a list that has opened just now.
  await page.getByRole('option', { name: 'available' }).click()
  await page.keyboard.type(' < then')
  await page.getByRole('button', { name: /^Line 2 / }).waitFor()
  await page.locator('.cm-lint-marker-error').waitFor()
  await accessible(page)
  await picture(page, 'rules-error')
  expect(await page.getByRole('button', { name: 'Save as version 1' }).isDisabled()).toBe(true)

  await page.keyboard.press('Control+a')
  await page.keyboard.insertText('function select(item, record)\n  return { { tags = item.tags } }\nend\n')
  await page.getByText('compiles').waitFor()
  await page.keyboard.press('Tab') // indents
  await page.getByText('compiles').waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Tab')
  expect(await source.evaluate((node) => node.matches(':focus'))).toBe(false)
  await page.getByRole('button', { name: 'Save as version 1' }).press('Enter')
  await page.getByText('Stored as version 1 of mine.').waitFor()
  await page.getByRole('heading', { name: 'mine' }).waitFor()
  expect(new URL(page.url()).hash).toBe('#/rules?rule=mine')

  await page.getByRole('button', { name: 'Activate', exact: true }).click()
  await page.getByLabel('Channel of the item').selectOption('eBay')
  await page.getByText('It will be asked for eBay.').waitFor()
  await accessible(page, 'dialog')
  await picture(page, 'rules-activate')
  await page.getByRole('button', { name: 'Activate version 1' }).press('Enter')
  await page.getByText('Version 1 of mine is asked from log index').waitFor()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('No version is active').waitFor()

  await page.getByRole('link', { name: /^borrow/ }).click()
  await page.getByRole('button', { name: 'Go to 2' }).click()
  await page.getByRole('button', { name: 'Activate version 2' }).click()
  await page.getByText('Version 2 of borrow is asked').waitFor()
  await page.getByRole('button', { name: 'Roll back to 1' }).click()
  await page.getByText('in place of version 2').waitFor()
  await page.getByRole('button', { name: 'Roll back to version 1' }).click()
  await page.getByText('Version 1 of borrow is asked').waitFor()
  expect(errors).toEqual([])
  await page.context().close()
})

it('tries a rule on a real record', async () => {
  const path = '/rules?rule=borrow&part=try&upc=BC76845&location=Retailer2'
  await view(path, 'rules-try', desktop, false, async (page) => {
    await page.getByLabel('Quantity').fill('25')
    await page.getByLabel('Channel').selectOption('Amazon')
    await page.getByRole('button', { name: 'Try', exact: true }).press('Enter')
    await page.getByRole('row', { name: /^Amazon .* taken$/ }).waitFor()
    await page.getByRole('row', { name: /^eBay .* 5 – 7\s+taken$/ }).waitFor()
    expect(new URL(page.url()).hash).toContain('upc=BC76845')
  })
})

it('replays the past, and shows both outcomes', async () => {
  for (const id of ['past-1', 'past-2', 'past-3']) {
    const line = { itemId: '1', upc: 'BC76845', location: 'Retailer2', quantity: 9, tags: { Channel: 'Amazon' } }
    await send(server, 'POST', `/v1/orders/${id}/allocate`, { mode: 'partial', lines: [line] })
  }
  await view('/rules?rule=borrow&part=backtest', 'rules-backtest', phone, true, async (page) => {
    await page.getByRole('button', { name: 'Start a backtest' }).click()
    await page.getByRole('region', { name: 'Report of b1' }).waitFor()
    await page.getByRole('row', { name: /^past-3 .* 7 from eBay/ }).waitFor()
    await page.getByRole('row', { name: /^Orders refused .*better/ }).waitFor()
    expect(new URL(page.url()).hash).toContain('run=b1')
  })
})
