import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser } from 'playwright-core'
import { accessible, launch, open, picture, views } from './browser'
import { send, serve, type Server } from './server'

let browser: Browser
let server: Server

beforeAll(async () => {
  browser = await launch()
  server = await serve('--demo')
  const line = (itemId: string, quantity: number, channel: string) => ({
    itemId, upc: 'BC76845', location: 'Retailer2', quantity, tags: { Channel: channel },
  })
  await send(server, 'POST', '/v1/orders/stuck-1/allocate', {
    backorder: true,
    lines: [line('1', 2, 'Amazon'), line('2', 30, 'eBay')],
  })
  await send(server, 'POST', '/v1/orders/cart-7/allocate', {
    expiresAt: new Date(Date.now() + 30 * 60_000).toISOString(),
    lines: [line('1', 1, 'Amazon')],
  })
})

afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

it('shows what orders hold, and one of them in full', async () => {
  await views(browser, server.url, '/orders?order=stuck-1', 'orders', async (page) => {
    await page.getByRole('button', { name: 'cart-7' }).waitFor()
    await page.getByRole('heading', { name: 'Item 2' }).waitFor()
    await page.getByText('promised beyond stock').first().waitFor({ state: 'attached' })
  })
})

it('sums up a large order, and finds items in it', async () => {
  const lines = Array.from({ length: 500 }, (_, i) => ({
    itemId: String(i + 1), upc: 'BC76845', location: 'Retailer2', quantity: 1, tags: { Channel: i % 2 ? 'Kibo' : 'Amazon' },
  }))
  await send(server, 'POST', '/v1/orders/wholesale/allocate', { backorder: true, lines })
  const { page, errors } = await open(browser, server.url, '/orders?order=wholesale')
  await page.getByRole('row', { name: 'Retailer2 Amazon · STH · Defective: NO 250' }).waitFor()
  expect(await page.getByRole('heading', { name: /^Item \d+ / }).count()).toBe(20)
  await page.getByRole('button', { name: /^More items 20 of 500 shown/ }).click()
  await page.getByRole('heading', { name: 'Item 40 ' }).waitFor()
  await page.getByLabel('Find in this order').fill('499')
  await page.getByText('1 of 500 items').waitFor()
  await page.getByRole('heading', { name: 'Item 499 ' }).waitFor()
  await page.getByText('Why from there').click()
  await page.getByRole('columnheader', { name: 'Available' }).waitFor()
  await accessible(page, '.detail')
  await picture(page, 'orders-large')
  await page.getByRole('button', { name: 'Close order wholesale' }).click()
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('wholesale')
  await send(server, 'POST', '/v1/orders/wholesale/deallocate', {})
  expect(errors).toEqual([])
  await page.context().close()
})

it('finds an order, says why, releases it with a reason, and all that a filter finds', async () => {
  const { page, errors } = await open(browser, server.url, '/orders')
  await page.getByLabel('State').selectOption('pending')
  await page.getByRole('button', { name: 'cart-7' }).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'stuck-1' }).click()
  await page.getByText('Why from there').first().click()
  await page.getByText('No rule was active').first().waitFor()
  expect(new URL(page.url()).hash).toBe('#/orders?state=pending&order=stuck-1')
  await page.getByRole('button', { name: 'Release…', exact: true }).click()
  await page.getByText('32 units that it holds').waitFor()
  await accessible(page, 'dialog')
  await picture(page, 'orders-release')
  await page.getByLabel('Reason').fill('stuck for a week')
  await page.keyboard.press('Enter')
  await page.getByText('What order stuck-1 held is available again.').waitFor()
  await page.getByText('No order is like that').waitFor()
  await page.getByText('History').first().click()
  await page.getByText('released: stuck for a week').first().waitFor()
  await page.getByLabel('Order id').fill('unknown-9')
  await page.getByRole('button', { name: 'Find' }).click()
  await page.getByText('There is no order with this id.').waitFor()

  await page.getByLabel('State').selectOption('reserved')
  await page.getByRole('button', { name: 'cart-7' }).waitFor()
  await page.getByRole('button', { name: 'Release all of these' }).click()
  await page.getByText('1 order with 1 unit: 1 allocated, 0 pending.').waitFor()
  await accessible(page, 'dialog')
  await picture(page, 'orders-release-all')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await page.getByLabel('Reason').fill('abandoned')
  await page.keyboard.press('Enter')
  await page.getByText('1 order released.').waitFor()
  await page.getByText('No order is like that').waitFor()
  const { items } = await send(server, 'GET', '/v1/orders/cart-7')
  expect(items[0].history.at(-1)).toMatchObject({ type: 'released', reason: 'abandoned' })
  // The browser itself reports the 404.
  expect(errors.filter((text) => !text.includes('404'))).toEqual([])
  await page.context().close()
})
