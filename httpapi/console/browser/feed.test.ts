import { createServer, type Server as Receiver } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser } from 'playwright-core'
import { accessible, launch, open, picture, views } from './browser'
import { send, serve, type Server } from './server'

let browser: Browser
let server: Server
let receiver: Receiver
let answer = 204
const got: { type: string; data: { reason?: string } }[] = []

const change = (reason: string) => {
  const items = [{ upc: 'BC76845', tags: { Channel: 'Amazon' }, quantity: 1 }]
  return send(server, 'POST', '/v1/inventory/adjust', { location: 'Retailer2', items, reason })
}

beforeAll(async () => {
  browser = await launch()
  server = await serve('--demo', '--webhook-allow-private')
  await change('received')
  receiver = createServer((request, response) => {
    let body = ''
    request.on('data', (piece) => (body += piece))
    request.on('end', () => {
      got.push(JSON.parse(body))
      response.writeHead(answer).end()
    })
  }).listen(0, '127.0.0.1')
})

afterAll(async () => {
  await browser?.close()
  await server?.stop()
  receiver?.close()
})

it('shows events and changes as they come, and holds them back in a pause', async () => {
  await views(browser, server.url, '/feed', 'feed', async (page) => {
    await page.getByText('received').waitFor()
    await page.getByText('Live', { exact: true }).waitFor()
  })
  const { page, errors } = await open(browser, server.url, '/feed?type=stock-changed')
  await page.getByText('Live', { exact: true }).waitFor()
  await change('found')
  await page.getByText('found', { exact: true }).waitFor()
  await page.keyboard.press('p')
  await change('counted')
  await page.getByRole('button', { name: 'Go on, 1 new' }).waitFor()
  expect(await page.getByText('counted', { exact: true }).count()).toBe(0)
  await page.keyboard.press('p')
  await page.getByText('counted', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Stock changes' }).click()
  await page.getByText('Nothing has changed yet').waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  await change('a')
  await page.getByRole('link', { name: 'BC76845' }).waitFor()
  await change('b')
  await page.getByText('+1').first().waitFor()
  await accessible(page)
  await picture(page, 'feed-changes')
  expect(errors).toEqual([])
  await page.context().close()
})

it('adds a webhook, tests and replays it, shows why it fails, and deletes it', async () => {
  const { page, errors } = await open(browser, server.url, '/feed?view=webhooks')
  await page.getByText('There is no webhook yet').waitFor()
  await page.getByRole('button', { name: 'Add a webhook' }).click()
  await page.getByLabel('Name').fill('shop')
  await page.getByLabel('URL').fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`)
  await page.getByLabel('Stock changed').check()
  await accessible(page, 'dialog')
  await picture(page, 'feed-webhook')
  expect(await page.getByLabel('Secret').inputValue()).toMatch(/^whsec_/)
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  const shop = page.getByRole('region', { name: 'Webhook shop' })
  await shop.getByText('up to date').waitFor()
  await shop.getByRole('button', { name: 'Test' }).click()
  await page.getByText('The test reached shop').waitFor()
  await change('sent')
  await expect.poll(() => got.map((message) => message.data.reason)).toContain('sent')

  // Changed, it keeps its secret and its place.
  await shop.getByRole('button', { name: 'Change' }).click()
  expect(await page.getByLabel('Stock changed').isChecked()).toBe(true)
  await page.getByLabel('Locations').fill('Retailer1, Retailer2')
  await accessible(page, 'dialog')
  await picture(page, 'feed-webhook-change')
  await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click()
  await shop.getByText('Stock changed at Retailer1, Retailer2').waitFor()
  await change('again')
  await expect.poll(() => got.map((message) => message.data.reason)).toContain('again')

  answer = 500
  await change('refused')
  await shop.getByText('failing').waitFor()
  await shop.getByText('answered 500').waitFor()
  await accessible(page)
  await picture(page, 'feed-webhooks')
  await shop.getByRole('button', { name: 'Stop' }).click()
  await shop.getByText('stopped').waitFor()
  answer = 204
  await shop.getByRole('button', { name: 'Replay' }).click()
  await page.getByLabel('Begin with').fill('1')
  await page.keyboard.press('Enter')
  await page.getByText('shop goes on with event no. 1.').waitFor()
  await shop.getByRole('button', { name: 'Go on' }).click()
  await expect.poll(() => got.map((message) => message.data.reason), { timeout: 10_000 }).toContain('received')
  await shop.getByRole('button', { name: 'Delete' }).click()
  await page.getByText('This cannot be undone.').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('There is no webhook yet').waitFor()
  expect(errors).toEqual([])
  await page.context().close()
})
