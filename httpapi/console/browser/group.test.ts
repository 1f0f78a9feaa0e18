import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { accessible, launch, open, picture } from './browser'
import { freePorts, send, serve, type Server } from './server'

let browser: Browser
let nodes: Server[] = []

beforeAll(async () => {
  browser = await launch()
  const [a, b, c] = await freePorts(3)
  const node = (id: string, port: number, ...more: string[]) =>
    serve('--node-id', id, '--raft-listen', `127.0.0.1:${port}`, ...more)
  nodes = [await node('a', a!, '--bootstrap', '--demo')]
  nodes.push(await node('b', b!, '--join', `127.0.0.1:${a}`))
  nodes.push(await node('c', c!, '--join', `127.0.0.1:${a}`))
})

afterAll(async () => {
  await browser?.close()
  await Promise.all(nodes.slice(1).map((node) => node.stop()))
})

const member = (page: Page, id: string) => page.getByRole('row', { name: new RegExp(`^${id}\\b`) })

it('goes on when the leader is killed, and shows who leads', async () => {
  const [a, b, c] = nodes
  const { page: cluster } = await open(browser, b!.url, '/cluster')
  await member(cluster, 'a').getByText('Leader').waitFor()
  const { page: stock } = await open(browser, b!.url, '/inventory?search=BC')
  await stock.getByText('Live').waitFor()

  await a!.kill()
  await cluster.getByRole('row', { name: /^[bc]\b.*Leader/ }).waitFor()
  await picture(cluster, 'cluster-of-three')

  const items = [{ upc: 'BC76845', tags: { Channel: 'Amazon' }, quantity: 7 }]
  await send(c!, 'POST', '/v1/inventory/adjust', { location: 'Retailer2', items })
  const record = stock.getByRole('row', { name: /^BC76845/ })
  await record.getByText('82', { exact: true }).waitFor()
  expect(await stock.getByText('Connection lost').count()).toBe(0)
  await Promise.all([cluster.context().close(), stock.context().close()])
})

it('has another member lead, removes one, and says why one cannot be added', async () => {
  const { page, errors } = await open(browser, nodes[1]!.url, '/cluster')
  await page.getByRole('row', { name: /^[bc]\b.*Leader/ }).waitFor()
  const transfer = page.getByRole('row', { name: /^[bc]\b.*Follower/ }).getByRole('button', { name: /lead$/ })
  // The leader knows that a is gone.
  const gone = member(page, 'a').getByText('silent')
  const leads = (await member(page, 'b').getByText('Leader').count()) > 0
  if (leads) await gone.waitFor()
  const heir = (await transfer.getAttribute('aria-label'))!.split(' ')[1]!
  await transfer.click()
  await accessible(page, 'dialog')
  await page.keyboard.press('Enter')
  await page.getByText(`${heir} leads.`).waitFor()
  await member(page, heir).getByText('Leader').waitFor()
  if (!leads) await gone.waitFor()

  await page.getByRole('button', { name: 'Remove a' }).click()
  await page.getByText('2 voters: if one fails, writes stop.').waitFor()
  await picture(page, 'cluster-remove')
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByText('a is no member any more.').waitFor()
  await member(page, 'a').waitFor({ state: 'detached' })

  await page.getByRole('button', { name: 'Add a member' }).click()
  await page.getByRole('textbox', { name: 'Node' }).fill('d')
  await page.getByLabel('Address').fill(`127.0.0.1:${(await freePorts(1))[0]}`)
  await page.getByText('3 voters: writes go on while one of them fails.').waitFor()
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByRole('dialog').getByRole('alert').waitFor()
  await accessible(page, 'dialog')
  await picture(page, 'cluster-add')
  await page.keyboard.press('Escape')
  // The browser itself reports the refusal.
  expect(errors.filter((text) => !text.includes('409'))).toEqual([])
  await page.context().close()
})
