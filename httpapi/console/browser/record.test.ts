import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser } from 'playwright-core'
import { launch, open, views } from './browser'
import { send, serve, type Server } from './server'

let browser: Browser
let server: Server

const path = '/record?upc=BC76845&location=Retailer2'
const change = (quantity: number, reason: string) => {
  const items = [{ upc: 'BC76845', tags: { Channel: 'Amazon' }, quantity }]
  return send(server, 'POST', '/v1/inventory/adjust', { location: 'Retailer2', items, reason })
}

beforeAll(async () => {
  browser = await launch()
  server = await serve('--demo')
  await change(12, 'received')
  await change(-3, 'damaged')
  const delivery = { upc: 'BC76845', quantity: 40, deliveryDate: new Date(Date.now() + 9 * 86_400_000).toISOString() }
  await send(server, 'POST', '/v1/inventory/refresh', { location: 'Retailer2', items: [delivery] })
  const line = { itemId: '1', upc: 'BC76845', location: 'Retailer2', quantity: 40, tags: { Channel: 'eBay' } }
  await send(server, 'POST', '/v1/orders/holds-1/allocate', { backorder: true, lines: [line] })
})

afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

it('shows all about a record, with a chart', async () => {
  await views(browser, server.url, path, 'record', async (page) => {
    await page.getByRole('link', { name: 'holds-1' }).waitFor()
    await page.getByText('On hand −3').waitFor()
    // On a phone, too, no figure of a segment is out of the window.
    const floor = await page.getByRole('row', { name: /^Amazon/ }).getByRole('cell').nth(6).boundingBox()
    expect(floor!.x + floor!.width).toBeLessThanOrEqual(page.viewportSize()!.width)
    await page.getByText('all, split on arrival').waitFor()
    await page.getByText('No rule: the segment with exactly the tags').waitFor()
    await page.getByRole('img', { name: /^Changes of stock/ }).locator('canvas').waitFor()
  })
})

it('is reached by a key, follows what others do, and says what there is not', async () => {
  const { page, errors } = await open(browser, server.url, '/inventory?search=BC')
  await page.getByRole('row', { name: /^BC76845/ }).focus()
  await page.keyboard.press('r')
  await page.getByText('Live', { exact: true }).waitFor()
  expect(new URL(page.url()).hash).toBe('#' + path)
  await change(5, 'found')
  await page.getByText('found', { exact: true }).waitFor()
  await page.getByRole('row', { name: /^Amazon/ }).getByText(/^\+534$/).first().waitFor()
  await page.keyboard.press('c')
  await page.getByLabel('Units to add').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'holds-1' }).click()
  await page.getByRole('heading', { name: 'Order holds-1' }).waitFor()
  await page.goto(`${server.url}/console/#/record?upc=unknown&location=Retailer2`)
  await page.getByText('There is no such record').waitFor()
  await page.getByText('There are no events of this record').waitFor()
  // The browser itself reports the 404.
  expect(errors.filter((text) => !text.includes('404'))).toEqual([])
  await page.goto(`${server.url}/console/#${path}`)
  await page.getByText('Live', { exact: true }).waitFor()
  await server.kill()
  await page.getByText('What you see is as it was').waitFor()
  await page.context().close()
})
