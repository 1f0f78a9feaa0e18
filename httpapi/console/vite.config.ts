import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'

const outDir = 'dist/app'

// compress puts a gzip and a brotli form beside each file that the server sends, so that it need not compress.
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    async closeBundle() {
      for (const entry of await readdir(outDir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(html|js|css|svg)$/.test(entry.name)) continue
        const file = join(entry.parentPath, entry.name)
        const text = await readFile(file)
        await writeFile(file + '.gz', await promisify(gzip)(text, { level: 9 }))
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }
        await writeFile(file + '.br', await promisify(brotliCompress)(text, quality))
      }
    },
  }
}

// first puts the script src/first.ts before all others. It waits for nothing, not for styles either.
function first(): Plugin {
  return {
    name: 'first',
    apply: 'build',
    config: () => ({ build: { rolldownOptions: { input: { index: 'index.html', first: 'src/first.ts' } } } }),
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle = {} }) {
        const chunk = Object.values(bundle).find((file) => file.type === 'chunk' && file.isEntry && file.name === 'first')
        if (!chunk) throw new Error('there is no script of src/first.ts')
        const attrs = { type: 'module', async: true, crossorigin: true, src: './' + chunk.fileName }
        return [{ tag: 'script', attrs, injectTo: 'head-prepend' }]
      },
    },
  }
}

export default defineConfig({
  // Relative, so that a proxy may serve the console below a path of its own.
  base: './',
  plugins: [svelte(), first(), compress()],
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // the policy of the page forbids inline content
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:8080', '/metrics': 'http://127.0.0.1:8080' } },
})
