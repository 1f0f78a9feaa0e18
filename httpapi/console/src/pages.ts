import type { Component } from 'svelte'
import Cluster from './cluster/Cluster.svelte'
import Inventory from './inventory/Inventory.svelte'
import Orders from './orders/Orders.svelte'

interface Page {
  path: string
  title: string
  component: Component
}

/** pages are what the console has, in the order of the menu. The first one is where it opens. */
export const pages: Page[] = [
  { path: '/inventory', title: 'Inventory', component: Inventory as Component },
  { path: '/orders', title: 'Orders', component: Orders as Component },
  { path: '/cluster', title: 'Cluster', component: Cluster as Component },
]
