// Measures the inventory of a running server in a browser: the time to the first paint and to the first rows, and the
// frames a second while the list is scrolled. It reports figures, and asserts nothing.
//
//	CHROMIUM=/usr/bin/chromium node browser/paint.mjs http://127.0.0.1:8080/console/
import { chromium } from 'playwright-core'

const url = process.argv[2]
if (!url) {
  console.error('the address of the console is expected, such as http://127.0.0.1:8080/console/')
  process.exit(2)
}
const visits = 4
const seconds = 4

/** watch notes when the first rows have been drawn, by the page's own clock: what drives the browser is slow. It runs in the page. */
function watch() {
  const observer = new MutationObserver(() => {
    if (!document.querySelector('.record')) return
    observer.disconnect()
    requestAnimationFrame(() => setTimeout(() => performance.mark('rows')))
  })
  observer.observe(document, { childList: true, subtree: true })
}

/** scroll scrolls the list at a speed in pixels a second. It runs in the page. */
async function scroll({ speed, seconds }) {
  const list = document.querySelector('[role=treegrid]')
  const begin = performance.now()
  const from = list.scrollTop
  let frames = 0
  let last = begin
  let longest = 0
  await new Promise((done) => {
    requestAnimationFrame(function frame(now) {
      frames++
      longest = Math.max(longest, now - last)
      last = now
      list.scrollTop = from + ((now - begin) / 1000) * speed
      if (now - begin < seconds * 1000) requestAnimationFrame(frame)
      else done()
    })
  })
  return `${Math.round(frames / seconds)} frames/s at ${speed} px/s (longest ${Math.round(longest)} ms)`
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] })
for (let visit = 1; visit <= visits; visit++) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  await page.addInitScript(watch)
  await page.goto(url)
  await page.waitForFunction(() => performance.getEntriesByName('rows').length > 0)
  const rows = await page.evaluate(() => Math.round(performance.getEntriesByName('rows')[0].startTime))
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime)
  await page.waitForFunction(() => document.querySelector('[role=treegrid]').scrollHeight > 50_000) // the next records too
  const frames = []
  for (const speed of [3_000, 10_000]) frames.push(await page.evaluate(scroll, { speed, seconds }))
  console.log(`first paint ${Math.round(paint)} ms, rows ${rows} ms; ${frames.join('; ')}`)
  await page.close()
}
await browser.close()
