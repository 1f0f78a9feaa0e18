import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { launch, open, picture } from './browser'
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
