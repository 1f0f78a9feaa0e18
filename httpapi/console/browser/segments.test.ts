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
  for (const [key, rank] of [['ArrowDown', 2], ['ArrowUp', 1], ['ArrowDown', 2]] as const) {
    await page.keyboard.press(key) // the focus stays with the value
    await page.getByRole('button', { name: new RegExp(`^Own, rank ${rank} of 2`) }).waitFor()
  }
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
  await page.getByText(/Pool is saved: it holds from log index/).waitFor()

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
  await page.reload() // the URL says what to look at
  await page.getByText('Nothing would move').waitFor()
  expect(await page.getByRole('button', { name: 'Redistribute now' }).count()).toBe(0)
  expect(errors).toEqual([])
  await page.context().close()
})

it('keeps what was typed, and says what somebody else has changed', async () => {
  const { page, errors } = await open(browser, server.url, '/segments?category=Pool')
  await page.getByLabel('Name of value 2').fill('Ours')
  await page.getByRole('button', { name: /^OrderType/ }).click()
  await page.getByRole('button', { name: /^Pool/ }).click()
  expect(await page.getByLabel('Own leaves. Its stock and its promises go to').inputValue()).toBe('Ours')
  await page.getByRole('button', { name: 'See what it would do' }).click()
  await page.getByText('move with values that leave').waitFor()
  const values = [{ value: 'Lent', percent: 60 }, { value: 'Own', percent: 40, default: true }]
  await send(server, 'PUT', '/v1/tag-categories/Pool', { values })
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Somebody has changed this category meanwhile. It has now: Lent 60 %, Own 40 %.').waitFor()
  await accessible(page)
  await picture(page, 'segments-conflict')
  await page.getByRole('button', { name: 'Show theirs instead' }).click()
  await page.getByText('As it is saved.').waitFor()
  expect(await page.getByLabel('Percent of Own').inputValue()).toBe('40')
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
  await page.getByText('Choose what takes over the stock and the promises of Lent').waitFor()
  await page.getByLabel(/^Lent leaves/).selectOption('Own')
  await page.getByRole('button', { name: 'See what it would do' }).click()
  await page.getByText('move with values that leave').waitFor()
  await picture(page, 'segments-leaving')
  await page.getByRole('button', { name: 'Delete…' }).click()
  await accessible(page, 'dialog')
  await page.getByLabel('All stock and promises move to').selectOption('Lent')
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByText('Category Pool is deleted').waitFor()
  await page.getByRole('button', { name: /^Pool/ }).waitFor({ state: 'detached' })
  await page.context().close()
})

it('shows a redistribution on a phone in the dark', async () => {
  const items = [{ upc: 'BC76845', tags: { Channel: 'eBay', Pool: 'Own' }, quantity: 40 }]
  await send(server, 'PUT', '/v1/tag-categories/Pool', { values: [{ value: 'Own', percent: 60, default: true }, { value: 'Lent', percent: 40 }] })
  await send(server, 'POST', '/v1/inventory/adjust', { location: 'Retailer2', items })
  const { page, errors } = await open(browser, server.url, '/redistribute?upcs=BC76845', phone, true)
  await page.getByText('units would move').waitFor()
  await accessible(page)
  await fits(page)
  await picture(page, 'redistribute-phone-dark')
  expect(errors).toEqual([])
  await page.context().close()
})
