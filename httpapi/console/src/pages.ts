import type { Component } from 'svelte'
import { wrap, type WrappedComponent } from 'svelte-spa-router/wrap'
import Inventory from './inventory/Inventory.svelte'
import NotLoaded from './ui/NotLoaded.svelte'
import PageLoading from './ui/PageLoading.svelte'

interface Page {
  path: string
  title: string
  component: Component | WrappedComponent
  /** hidden pages are reached from others, not from the menu. */
  hidden?: boolean
}

/** later makes a page that is loaded when it is first shown, so that the console begins with what it opens with. */
function later(load: () => Promise<{ default: Component<any> }>): WrappedComponent {
  return wrap({ asyncComponent: () => load().catch(() => ({ default: NotLoaded })), loadingComponent: PageLoading })
}

/** pages are what the console has, in the order of the menu. The first one is where it opens. */
export const pages: Page[] = [
  { path: '/inventory', title: 'Inventory', component: Inventory as Component },
  { path: '/orders', title: 'Orders', component: later(() => import('./orders/Orders.svelte')) },
  { path: '/segments', title: 'Segments', component: later(() => import('./segments/Segments.svelte')) },
  { path: '/redistribute', title: 'Redistribute', component: later(() => import('./redistribute/Redistribute.svelte')) },
  { path: '/rules', title: 'Rules', component: later(() => import('./rules/Rules.svelte')) },
  { path: '/feed', title: 'Feed', component: later(() => import('./feed/Feed.svelte')) },
  { path: '/cluster', title: 'Cluster', component: later(() => import('./cluster/Cluster.svelte')) },
  { path: '/record', title: 'Record', component: later(() => import('./record/Record.svelte')), hidden: true },
]
