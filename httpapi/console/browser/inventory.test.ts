import { afterAll, beforeAll, expect, it } from 'vitest'
import { text } from 'node:stream/consumers'
import type { Browser, Locator, Page } from 'playwright-core'
import { accessible, desktop, launch, open, phone, picture, views } from './browser'
import { send, serve, type Server } from './server'

let browser: Browser
let server: Server

beforeAll(async () => {
  browser = await launch()
  server = await serve('--demo')
})

afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

const record = (page: Page, upc = 'BC76845') => page.getByRole('row', { name: new RegExp(`^${upc}`) })
const segment = (page: Page, tags: RegExp) => page.getByRole('row', { name: tags })
// A figure that has just changed has the change before it, for some seconds.
const figure = (row: Locator, value: string) => row.getByText(new RegExp(`^([+−][\\d,]+)?${value}$`))

it('shows records with their segments, which add up', async () => {
  await views(browser, server.url, '/inventory?search=BC&location=Retailer2&open=all', 'inventory', async (page) => {
    await segment(page, /^Walmart STH Defective: YES/).first().waitFor()
    await page.getByText('adds up to the record').first().waitFor({ state: 'attached' })
    await page.getByText('Live').waitFor()
    expect(await page.getByText('does not add up').count()).toBe(0)
  })
})

it('finds records, and keeps what was looked for in its URL', async () => {
  const { page, errors } = await open(browser, server.url, '/inventory')
  await page.getByText('301 records').waitFor()
  await page.getByLabel('UPC').fill('C7684')
  await page.getByText('1 record', { exact: true }).waitFor()
  await page.getByLabel('Segments of').selectOption({ label: 'Amazon' })
  await page.waitForURL(/tag=/)
  await page.locator('[aria-busy=false]').waitFor()
  await record(page).click()
  await page.getByText('Sum of the segments shown').waitFor()
  expect(new URL(page.url()).hash).toBe('#/inventory?search=C7684&tag=Channel%3AAmazon')
  await page.reload()
  await record(page).waitFor()
  expect(await page.getByLabel('UPC').inputValue()).toBe('C7684')
  // What was asked for before the page was loaded is taken, and not asked for again.
  const asked = await page.evaluate(() => performance.getEntriesByType('resource').map((entry) => entry.name))
  expect(asked.filter((url) => /\/session$|after=now|limit=60/.test(url)).sort()).toEqual([
    expect.stringContaining('/console/session'),
    expect.stringContaining('/v1/changes?after=now&tags='),
    expect.stringContaining('/v1/inventory?limit=60&search=C7684&tags='),
  ])
  await page.getByLabel('UPC').fill('nothing like it')
  await page.getByText('No record is like that').waitFor()
  await accessible(page)
  await page.getByRole('button', { name: 'Show all records' }).click()
  await page.getByText('301 records').waitFor()
  await send(server, 'POST', '/v1/counts/Retailer2/start', { count: 'night' })
  await page.getByLabel('Location').fill('Retailer2')
  await page.getByText('Stock count night is open since').waitFor()
  await send(server, 'POST', '/v1/counts/Retailer2/close', { count: 'night' })
  expect(errors).toEqual([])
  await page.context().close()
})

it('shows at once what others change, with a mark', async () => {
  const { page, errors } = await open(browser, server.url, '/inventory?search=BC')
  await page.getByText('Live').waitFor()
  await record(page).click()
  const line = { itemId: '1', upc: 'BC76845', location: 'Retailer2', quantity: 2, tags: { Channel: 'eBay' } }
  await send(server, 'POST', '/v1/orders/live-1/allocate', { lines: [line] })
  const ebay = segment(page, /^eBay STH/)
  await ebay.getByText('−2').waitFor()
  await ebay.getByText('+2').waitFor()
  await picture(page, 'inventory-mark')
  await send(server, 'POST', '/v1/orders/live-1/deallocate', {})
  await ebay.getByText('+2').first().waitFor()
  await send(server, 'POST', '/v1/inventory/refresh', { location: 'Retailer2', items: [{ upc: 'BC99999', quantity: 4 }] })
  await record(page, 'BC99999').waitFor()
  await send(server, 'POST', '/v1/inventory/delete', { upcs: ['BC99999'], locations: ['Retailer2'] })
  await record(page, 'BC99999').waitFor({ state: 'detached' })
  expect(errors).toEqual([])
  await page.context().close()
})

it('changes stock by keys, with a preview, a reason and a way back', async () => {
  const { page, errors } = await open(browser, server.url, '/inventory?search=BC')
  await page.getByText('Live').waitFor()
  await record(page).focus()
  await page.keyboard.press('ArrowRight')
  await segment(page, /^Amazon/).waitFor()
  await page.keyboard.press('c')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.type('-50')
  await page.getByText('Only 20 units are on hand.').waitFor()
  await page.getByLabel('Units to add').fill('-3')
  await page.getByRole('cell', { name: /^20 → 17/ }).waitFor()
  await page.getByLabel('Reason').fill('damaged')
  await accessible(page, 'dialog')
  await picture(page, 'inventory-change')
  await page.setViewportSize(phone)
  expect(await page.getByRole('dialog').evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth)).toBe(0)
  await page.setViewportSize(desktop)
  await page.keyboard.press('Enter')
  await page.getByText('BC76845 at Retailer2 is changed.').waitFor()
  expect(await record(page).evaluate((row) => row === document.activeElement)).toBe(true)
  await figure(segment(page, /^Amazon/), '17').waitFor()
  const { events } = await send(server, 'GET', '/v1/events?types=stock-changed')
  expect(events.at(-1)).toMatchObject({ upc: 'BC76845', reason: 'damaged', units: -3 })
  // The way back is there with a dialog open, too.
  await page.keyboard.press('c')
  await page.getByRole('dialog').getByRole('button', { name: 'Undo' }).click()
  await page.getByText('Taken back.').waitFor()
  await picture(page, 'inventory-undo')
  await page.keyboard.press('Escape')
  await figure(segment(page, /^Amazon/), '20').waitFor()

  await page.getByRole('button', { name: /^Change the segment Amazon/ }).click()
  await page.getByRole('button', { name: 'Transfer' }).click()
  await page.getByLabel('To', { exact: true }).selectOption({ label: 'eBay · STH · Defective: NO' })
  await page.getByLabel('Units to move').fill('4')
  await page.getByRole('cell', { name: /^12 → 16/ }).waitFor()
  await page.getByRole('button', { name: 'Change stock', exact: true }).click()
  await figure(segment(page, /^eBay/), '19').waitFor()

  // Blocked, found by that, and not blocked any more.
  await record(page).focus()
  await page.keyboard.press('c')
  await page.getByRole('button', { name: 'Block', exact: true }).click()
  await page.getByText('It is skipped where a location is chosen for an order').waitFor()
  await page.getByLabel('Reason').fill('recall')
  await accessible(page, 'dialog')
  await picture(page, 'inventory-block')
  await page.getByRole('button', { name: 'Block the record' }).click()
  await page.getByText('BC76845 at Retailer2 is blocked.').waitFor()
  await record(page).getByText('blocked').waitFor()
  await page.getByLabel('State').selectOption({ label: 'Blocked' })
  await page.getByText('1 record', { exact: true }).waitFor()
  expect((await send(server, 'GET', '/v1/inventory/Retailer2/BC76845')).records[0].blocked).toBe(true)
  expect((await send(server, 'GET', '/v1/events?types=record-blocked')).events.at(-1)).toMatchObject({ upc: 'BC76845', reason: 'recall' })
  await page.getByRole('button', { name: 'Undo' }).last().click()
  await page.getByText('Taken back.').last().waitFor()
  await record(page).getByText('blocked').waitFor({ state: 'detached' })
  expect(errors).toEqual([])
  await page.context().close()
})

it('refuses a change of what others have changed meanwhile, and shows what is', async () => {
  const { page } = await open(browser, server.url, '/inventory?search=DEMO-0002&location=Retailer1')
  await page.getByText('Live').waitFor()
  await page.getByRole('button', { name: /^Change stock of DEMO-0002/ }).click()
  await page.getByLabel('Units to add').fill('1')
  // The page learns of the change only after it has sent its own.
  await page.route('**/v1/inventory/adjust', async (route) => {
    const items = [{ upc: 'DEMO-0002', tags: { Channel: 'eBay' }, quantity: 1 }]
    await send(server, 'POST', '/v1/inventory/adjust', { location: 'Retailer1', items })
    await route.continue()
  })
  await page.getByRole('button', { name: 'Change stock', exact: true }).click()
  await page.getByText('The record changed meanwhile').waitFor()
  await page.unroute('**/v1/inventory/adjust')
  await page.getByRole('button', { name: 'Change stock', exact: true }).click()
  await page.getByText('is changed.').waitFor()
  await page.context().close()
})

it('imports a file, with its errors beside its lines', async () => {
  const { page, errors } = await open(browser, server.url, '/inventory?location=Imported')
  await page.getByText('No record is like that').waitFor()
  await page.getByRole('button', { name: 'Import' }).focus()
  await page.keyboard.press('Enter')
  const rows = Array.from({ length: 12_010 }, (_, i) => `I-${i},${i === 3 ? 'x1' : i % 50},${i === 12_005 ? 'amazon' : 'Amazon'}\r\n`)
  const buffer = Buffer.from('\uFEFFupc,quantity,Channel\r\n' + rows.join(''))
  await page.getByLabel('CSV or NDJSON').setInputFiles({ name: 'stock.csv', mimeType: 'text/csv', buffer })
  await page.getByLabel('Location of its rows').fill('Imported')
  await page.getByLabel('Reason').fill('received')
  await page.getByRole('button', { name: 'Check the file' }).click()
  await page.getByText('12,008 of 12,010 rows can be imported').waitFor()
  const bad = page.getByRole('region', { name: 'Bad rows beside their lines' }).getByRole('listitem')
  expect(await bad.allInnerTexts()).toEqual([
    expect.stringMatching(/^Line\s+5\s+I-3,x1,Amazon\s+quantity: a whole number is expected/),
    expect.stringMatching(/^Line\s+12,007\s+I-12005,5,amazon\s+tags.Channel: /),
  ])
  expect(await bad.locator('mark').allInnerTexts()).toEqual(['x1', 'amazon'])
  await accessible(page, 'dialog')
  await picture(page, 'inventory-import')
  await page.setViewportSize(phone)
  await picture(page, 'inventory-import-phone')
  await page.setViewportSize(desktop)
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download them' }).click()
  expect((await saved).suggestedFilename()).toBe('stock-errors.csv')

  // The answer to the second part is lost; sent again, it is not done again.
  let parts = 0
  await page.route('**/v1/import/stock?**', async (route) => {
    if (++parts !== 2) return route.continue()
    await route.fetch()
    await route.abort()
  })
  await page.getByRole('button', { name: 'Import 12,008 rows' }).click()
  await page.getByText('Stopped: 11,999 rows are imported.').waitFor()
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByText('12,008 of 12,010 rows imported').waitFor()
  expect(parts).toBe(3)
  await page.getByRole('button', { name: 'Close', exact: true }).last().click()
  await record(page, 'I-0').first().waitFor()
  await page.getByRole('button', { name: 'Export', exact: true, disabled: false }).waitFor()

  // An export has what the filter picks, also what is not loaded.
  await page.getByLabel('UPC').fill('I-11')
  await record(page, 'I-110').first().waitFor()
  const exported = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export', exact: true }).click()
  expect((await exported).suggestedFilename()).toMatch(/^stock-Imported-I-11-\d{4}-\d\d-\d\d\.csv$/)
  const lines = (await text(await (await exported).createReadStream())).trimEnd().split('\n')
  expect(new Set(lines.slice(1).map((line) => line.split(',')[0])).size).toBe(1111)
  const { events } = await send(server, 'GET', '/v1/inventory/Imported/I-49/history')
  expect(events).toHaveLength(1)
  expect(events[0]).toMatchObject({ reason: 'received', units: 49 })
  expect(errors).toEqual([expect.stringContaining('ERR_FAILED')])
  await page.context().close()
})

it('imports a complete file, and sets to zero what it does not name', async () => {
  const items = ['W-1', 'W-2', 'W-3'].map((upc) => ({ upc, quantity: 5 }))
  await send(server, 'POST', '/v1/inventory/refresh', { location: 'Whole', items })
  const { page, errors } = await open(browser, server.url, '/inventory?location=Whole')
  await page.getByRole('button', { name: 'Import' }).click()
  const buffer = Buffer.from('upc,quantity\nW-1,7\n')
  await page.getByLabel('CSV or NDJSON').setInputFiles({ name: 'whole.csv', mimeType: 'text/csv', buffer })
  await page.getByLabel('Location of its rows').fill('Whole')
  await page.getByLabel('The file has all that there is at Whole').check()
  await page.getByRole('button', { name: 'Check the file' }).click()
  await page.getByRole('button', { name: 'Import 1 row' }).click()
  await page.getByText('The file does not name 2 records with 10 units').waitFor()
  const unnamed = await page.getByRole('group', { name: 'What the file does not name' }).getByRole('row').allInnerTexts()
  expect(unnamed).toHaveLength(1 + 2 * 3)
  expect(unnamed[2]).toMatch(/^W-2\s+Kibo\b.*\s3\s+0$/)
  expect((await send(server, 'GET', '/v1/inventory/Whole/W-2')).records[0].onHand).toBe(5)
  await accessible(page, 'dialog')
  await picture(page, 'inventory-complete')
  await page.getByRole('button', { name: 'Set 2 records to zero' }).click()
  await page.getByText('2 records that it does not name, with 10 units, set to zero.').waitFor()
  expect((await send(server, 'GET', '/v1/inventory/Whole/W-2')).records[0].onHand).toBe(0)
  expect((await send(server, 'GET', '/v1/counts?location=Whole')).counts).toEqual([])
  expect(errors).toEqual([])
  await page.context().close()
})

it('scrolls through many records, and loads them on the way', async () => {
  const items = Array.from({ length: 12_000 }, (_, i) => ({ upc: `M-${String(i).padStart(5, '0')}`, quantity: i % 90 }))
  await send(server, 'POST', '/v1/inventory/refresh', { location: 'Many', items })
  const { page, errors } = await open(browser, server.url, '/inventory?location=Many')
  await record(page, 'M-00000').focus()
  for (let i = 0; i < 30 && !(await record(page, 'M-11999').count()); i++) {
    await page.keyboard.press('End')
    await page.waitForTimeout(60)
  }
  await record(page, 'M-11999').waitFor()
  await page.getByText('12,000 records').waitFor()
  await page.getByRole('button', { name: 'Expand all' }).click()
  await page.getByRole('button', { name: 'Collapse all' }).waitFor()
  const frames = await page.getByRole('treegrid').evaluate(async (grid) => {
    const times: number[] = []
    for (let i = 0; i < 60; i++) {
      grid.scrollTop = 40_000 + i * 300
      await new Promise(requestAnimationFrame)
      times.push(performance.now())
    }
    return times.slice(1).map((time, i) => time - times[i]!)
  })
  frames.sort((a, b) => a - b)
  console.log(`Frames while scrolling 12,000 open records: half within ${frames[30]!.toFixed(1)} ms, the worst ${frames.at(-1)!.toFixed(1)} ms.`)
  await segment(page, /^Amazon/).first().waitFor()
  expect(await page.getByText('does not add up').count()).toBe(0)
  expect(await page.getByRole('row').count()).toBeLessThan(200)
  expect(errors).toEqual([])
  await page.context().close()
})

it('keeps what it shows while the server is away, and goes on', async () => {
  const own = await serve('--demo')
  const { page } = await open(browser, own.url, '/inventory?search=BC')
  await page.getByText('Live').waitFor()
  await own.kill()
  await page.getByText('The server does not answer.').waitFor()
  await record(page).waitFor()
  await accessible(page)
  await picture(page, 'inventory-lost')
  // Another list cannot be read meanwhile: that is said, and it comes by itself too.
  const other = (await open(browser, server.url, '/inventory?search=BC')).page
  await other.getByText('Live').waitFor()
  await other.route('**/v1/inventory?*', (route) => route.abort())
  await other.getByLabel('Location').fill('Retailer2')
  await other.getByText('The connection is lost').waitFor()
  await accessible(other)
  await picture(other, 'inventory-failed')
  await other.unroute('**/v1/inventory?*')
  await record(other).waitFor()
  await other.context().close()
  await own.start()
  await send(own, 'POST', '/v1/inventory/adjust', {
    location: 'Retailer2',
    items: [{ upc: 'BC76845', tags: { Channel: 'Amazon' }, quantity: 7 }],
  })
  await page.getByText('Live').waitFor({ timeout: 20_000 })
  await figure(record(page), '82').waitFor()
  await page.context().close()
  await own.stop()
})
