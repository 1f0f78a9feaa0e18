import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser } from 'playwright-core'
import { accessible, fits, launch, open, phone, picture, views } from './browser'
import { send, serve, type Server } from './server'

let browser: Browser
let server: Server

beforeAll(async () => {
  browser = await launch()
  server = await serve('--demo')
  const values = [{ value: 'Own', percent: 60, default: true }, { value: 'Lent', percent: 40 }]
  await send(server, 'PUT', '/v1/tag-categories/Pool', { values })
})

afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

it('shows categories and their values', async () => {
  await views(browser, server.url, '/segments?category=Pool', 'segments', async (page) => {
    await page.getByText('Sum 100 %').waitFor()
  })
})

it('ranks values by keys, shows what new percentages would move, saves, and redistributes', async () => {
  const { page, errors } = await open(browser, server.url, '/segments?category=Pool')
  await page.getByRole('button', { name: /^Own, rank 1 of 2/ }).focus()
  await page.keyboard.press('ArrowDown')
  await page.getByRole('button', { name: /^Own, rank 2 of 2/ }).waitFor()
  await page.getByLabel('Percent of Own').fill('30')
  await page.getByText('30 % are missing').waitFor()
  await page.getByLabel('Percent of Lent').fill('70')
  await page.getByText('Sum 100 %').waitFor()
  await page.keyboard.press('Enter')
  await page.getByText('nothing is changed yet').waitFor()
  await page.getByRole('cell', { name: 'BC76845' }).first().waitFor()
  await accessible(page)
  await picture(page, 'segments-preview')
  const { categories } = await send(server, 'GET', '/v1/tag-categories')
  expect(categories.at(-1).values[0].value).toBe('Own')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText(/Saved: it holds from log index/).waitFor()

  await page.getByRole('link', { name: 'redistribute', exact: true }).click()
  await page.getByLabel('Locations').fill('Retailer2')
  await page.keyboard.press('Enter')
  await page.getByText(/units would move/).waitFor()
  expect(new URL(page.url()).hash).toBe('#/redistribute?locations=Retailer2')
  await accessible(page)
  await picture(page, 'redistribute-preview')
  await page.getByRole('button', { name: 'At each record' }).click()
  await page.getByText('redistributed at the next refresh or adjust').waitFor()
  await page.getByLabel('Locations').fill('')
  await page.getByRole('button', { name: 'See what it would do' }).click()
  await page.getByRole('button', { name: 'Redistribute now' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Redistribute now' }).click()
  await page.getByText('All is done.').waitFor()
  const again = await send(server, 'POST', '/v1/inventory/redistribute', { all: true, dryRun: true })
  expect(again.units).toBe(0)
  expect(errors).toEqual([])
  await page.context().close()
})

it('moves what a value holds that leaves', async () => {
  const { page } = await open(browser, server.url, '/segments?category=Pool')
  await page.getByRole('button', { name: /^Own, rank 2 of 2/ }).dragTo(page.getByRole('button', { name: /^Lent, rank 1 of 2/ }))
  await page.getByRole('button', { name: /^Own, rank 1 of 2/ }).waitFor()
  await page.getByRole('button', { name: 'Take out Lent' }).click()
  await page.getByLabel('Percent of Own').fill('100')
  await page.getByRole('button', { name: 'See what it would do' }).click()
  await page.getByText('name in moveTo the value').waitFor()
  await page.getByLabel(/^Lent leaves/).selectOption('Own')
  await page.getByRole('button', { name: 'See what it would do' }).click()
  await page.getByText('move with values that leave').waitFor()
  await picture(page, 'segments-leaving')
  await page.context().close()
})

it('shows a redistribution on a phone in the dark', async () => {
  const items = [{ upc: 'BC76845', tags: { Channel: 'eBay', Pool: 'Own' }, quantity: 40 }]
  await send(server, 'POST', '/v1/inventory/adjust', { location: 'Retailer2', items })
  const { page, errors } = await open(browser, server.url, '/redistribute?upcs=BC76845', phone, true)
  await page.getByRole('button', { name: 'See what it would do' }).click()
  await page.getByText('units would move').waitFor()
  await accessible(page)
  await fits(page)
  await picture(page, 'redistribute-phone-dark')
  expect(errors).toEqual([])
  await page.context().close()
})
