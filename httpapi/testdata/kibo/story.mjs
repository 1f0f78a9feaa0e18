// The product's story, told by the vendor's own client: node story.mjs BASE-URL, with the client installed below
// $APPORTION_KIBO_CLIENT. With $APPORTION_KIBO_SECRET the client fetches a ticket, and asks where its tenant is, before its
// first call. It ends with a message and status 1 at the first thing that is not as it should be.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

const require = createRequire(process.env.APPORTION_KIBO_CLIENT + '/')
const { Configuration } = require('@kibocommerce/rest-sdk')
const kibo = require('@kibocommerce/rest-sdk/clients/Inventory')

const host = process.argv[2]
const sharedSecret = process.env.APPORTION_KIBO_SECRET
const credentials = sharedSecret && { clientId: 'router', sharedSecret, authHost: new URL(host).host }
const config = new Configuration({ tenantId: '12345', siteId: '678', apiHost: host, ...credentials })
const categories = new kibo.InventoryTagCategoryApi(config)
const tags = new kibo.InventoryTagApi(config)
const modify = new kibo.ModifyInventoryApi(config)
const inventory = new kibo.InventoryApi(config)
const orders = new kibo.InventoryAllocationApi(config)
const jobs = new kibo.InventoryJobApi(config)
const orderItems = new kibo.InventoryOrderItemApi(config)
const futures = new kibo.InventoryFutureDateApi(config)

const step = (text) => console.log('  ' + text)

// segments gives a record's figures by channel: [on hand, allocated, pending, available].
async function segments(upc, location) {
  const records = await inventory.postQueryInventory({
    inventoryRequest: { type: 'ALL_STORES', items: [{ upc }], locationWhitelist: [location], includeNegativeInventory: true },
  })
  assert.equal(records.length, 1)
  return Object.fromEntries(records[0].taggedInventory.map((t) => [t.tags.Channel, [t.onHand, t.allocated, t.pending, t.available]]))
}

async function succeeded(jobID) {
  const job = await jobs.getJob({ jobID })
  assert.equal(job.status, 'SUCCESS', JSON.stringify(job))
  return job
}

async function rejected(promise, message) {
  await assert.rejects(promise, (error) => {
    assert.match(error.message, message)
    assert.ok(error.apiError.message, 'the error has no message')
    return true
  })
}

const refresh = async (locationCode, items) => succeeded((await modify.refresh({ refreshRequest: { locationCode, items } })).jobID)
const adjust = async (locationCode, items) => succeeded((await modify.adjust({ adjustRequest: { locationCode, items } })).jobID)
const item = (orderID, orderItemID, quantity, channel) => ({
  orderID, orderItemID, shipmentID: 70, locationCode: '101', upc: 'SHIRT', quantity, tags: { Channel: channel },
})
const act = (name, ...items) => orders[name + 'Inventory']({ allocateInventoryRequest: { tenantID: 12345, items, runSynchronous: true } })

if (sharedSecret) {
  step('who has no ticket is turned away')
  const stranger = new Configuration({ tenantId: '12345', siteId: '678', apiHost: host })
  await rejected(new kibo.InventoryTagCategoryApi(stranger).getTagCategoryAll(), /a token of this server is expected/)
  const wrong = new Configuration({ tenantId: '12345', siteId: '678', apiHost: host, ...credentials, clientId: 'nobody' })
  await assert.rejects(new kibo.InventoryTagCategoryApi(wrong).getTagCategoryAll(), /no token of this server has this client_id/)
}

step('categories with percentages')
await categories.updateTagCategory({
  tagCategoryName: 'Channel',
  tagCategory: {
    name: 'Channel',
    tags: [{ tagValue: 'Web', isDefault: true, percent: 70 }, { tagValue: 'Marketplace', percent: 20 }, { tagValue: 'Store', percent: 10 }],
  },
})
await tags.createTag({ tagCategoryName: 'Channel', inventoryTag: { tagValue: 'Outlet', percent: 0 } })
assert.equal((await tags.getTag({ tagCategoryName: 'Channel', tagValue: 'Outlet' })).isDefault, false)
assert.equal((await tags.deleteTag({ tagCategoryName: 'Channel', tagValue: 'Outlet' })).deleted, 1)
assert.deepEqual((await categories.getTagCategory({ tagCategoryName: 'Channel' })).tags.map((t) => t.percent), [70, 20, 10])
assert.equal((await categories.getTagCategoryAll()).length, 1)
await rejected(tags.updateTag({ tagCategoryName: 'Channel', tagValue: 'Web', inventoryTag: { percent: 50 } }), /percent/)

step('refresh, and the tagged inventory')
await refresh('101', [
  { upc: 'SHIRT', quantity: 100, safetyStock: 0, floor: 5 },
  { upc: 'SHIRT', quantity: 6, tags: { Channel: 'Store' } },
  { upc: 'SHOE', quantity: 3 },
])
await refresh('102', [{ upc: 'SHIRT', quantity: 40 }])
assert.deepEqual(await segments('SHIRT', '101'), { Web: [100, 0, 0, 100], Store: [6, 0, 0, 6] })
assert.equal((await modify.smartAdjustInventory({ adjustRequest: { locationCode: '102', items: [{ upc: 'SHIRT', quantity: -1 }] } })).method, 'sync')
assert.equal((await modify.smartRefreshInventory({ refreshRequest: { locationCode: '102', items: [{ upc: 'SHIRT', quantity: 40 }] } })).method, 'sync')
await rejected(modify.refresh({ refreshRequest: { locationCode: '101', items: [{ upc: 'SHIRT', quantity: -1 }] } }), /quantity/)

step('allocate per segment')
assert.equal((await act('allocate', item(5001, 1, 10, 'Web'))).status, 'SUCCESS')
assert.deepEqual(await segments('SHIRT', '101'), { Web: [100, 10, 0, 90], Store: [6, 0, 0, 6] })

step('over-allocate into pending')
await act('allocate', item(5002, 1, 8, 'Store'))
assert.deepEqual((await segments('SHIRT', '101')).Store, [6, 6, 2, -2])

step('deallocate')
await act('deallocate', item(5002, 1, 3, 'Store'))
assert.deepEqual((await segments('SHIRT', '101')).Store, [6, 5, 0, 1])

step('fulfil')
await act('fulfill', item(5002, 1, 5, 'Store'))
assert.deepEqual((await segments('SHIRT', '101')).Store, [1, 0, 0, 1])
const info = await orderItems.getOrderItemInformation({ orderItemInformationRequest: { orderID: 5002, items: [{ upc: 'SHIRT' }] } })
assert.deepEqual(info.map((i) => [i.orderItemID, i.fulfills]), [[1, 1]])
const refused = await act('fulfill', item(5002, 1, 1, 'Store'))
assert.equal(refused.status, 'FAILED')
assert.equal(refused.success, false)
assert.ok(refused.messages.length > 0)

step('return into the segment of the sale')
await adjust('101', [{ upc: 'SHIRT', quantity: 2, tags: { Channel: 'Store' } }])
assert.deepEqual((await segments('SHIRT', '101')).Store, [3, 0, 0, 3])

step('a cart becomes an order')
await act('allocate', { cartID: 'c-9', cartItemID: 'ci-1', orderID: 0, orderItemID: 0, shipmentID: 0, locationCode: '101', upc: 'SHIRT', quantity: 1, tags: { Channel: 'Store' } })
assert.deepEqual((await segments('SHIRT', '101')).Store, [3, 1, 0, 2])
await orders.transitionCart({ transitionCartRequest: { cartID: 'c-9', orderID: 5003, items: [{ orderItemID: 4, cartItemID: 'ci-1', shipmentID: 71 }] } })
const held = await new kibo.ShipmentInventoryAllocationApi(config).getShipmentInventoryAllocations({ shipmentInventoryAllocationRequest: { shipmentIDs: [71] } })
assert.deepEqual(held.shipments['71'].currentAllocations.map((a) => [a.orderItemID, a.quantity]), [[4, 1]])
await act('deallocate', { ...item(5003, 4, 1, 'Store'), shipmentID: 71 })
assert.deepEqual((await segments('SHIRT', '101')).Store, [3, 0, 0, 3])

step('redistribute')
const spread = await modify.redistributeInventoryAcrossTags()
assert.deepEqual(spread.map((j) => [j.locationCode, j.status]), [['101', 'SUCCESS'], ['102', 'SUCCESS']])
assert.deepEqual(await segments('SHIRT', '102'), { Web: [40, 0, 0, 40] })
await adjust('101', [{ upc: 'SHIRT', quantity: 7 }])
// 100 units are available: 110 on hand, 10 promised to the Web's order.
assert.deepEqual(await segments('SHIRT', '101'), { Web: [80, 10, 0, 70], Marketplace: [20, 0, 0, 20], Store: [10, 0, 0, 10] })

step('aggregate')
const [sum] = await inventory.aggregate({ aggregateRequest: { items: [{ upc: 'SHIRT' }] } })
assert.deepEqual([sum.onHand, sum.available], [150, 140])
const [web] = await inventory.aggregate({ aggregateRequest: { items: [{ upc: 'SHIRT', tags: { Channel: 'Web' } }] } })
assert.deepEqual([web.onHand, web.available], [120, 110])

step('which stores can meet a cart')
const where = (type, more) => inventory.postQueryInventory({
  inventoryRequest: { type, items: [{ upc: 'SHIRT', quantity: 1 }, { upc: 'SHOE', quantity: 2 }], ...more },
}).then((records) => records.map((r) => r.locationCode + ' ' + r.upc))
assert.deepEqual(await where('ALL'), ['101 SHIRT', '101 SHOE'])
assert.deepEqual(await where('ANY', { locationBlacklist: ['101'] }), ['102 SHIRT'])
assert.deepEqual(await where('PARTIAL', { limit: 1 }), ['101 SHIRT'])

step('future stock')
await refresh('102', [{ upc: 'SHIRT', quantity: 25, deliveryDate: '2099-09-28T12:00:00-0500', tags: { Channel: 'Web' } }])
const coming = async () => {
  const records = await inventory.postQueryInventory({
    inventoryRequest: { type: 'ANY', items: [{ upc: 'SHIRT' }], locationWhitelist: ['102'], includeFutureInventory: true },
  })
  return records[0].futureInventory ?? []
}
const [delivery] = await coming()
assert.equal(delivery.onhand, 25)
await futures.adjustFutureDate({ futureInventoryID: delivery.futureInventoryID, adjustFutureDateRequest: { futureDate: '2099-10-28T12:00:00-0500' } })
assert.match((await coming())[0].deliveryDate, /^2099-10-28T17/)
const span = { futureStartDate: '2099-01-01T00:00:00+0000', futureEndDate: '2099-12-31T00:00:00+0000' }
await modify.deleteFutureInventory({ deleteFutureItemRequest: { upc: 'SHIRT', allLocations: true, ...span } })
assert.deepEqual(await coming(), [])

step('jobs')
const list = await jobs.getJobs({ types: ['ALLOCATE', 'FULFILL'], limit: 3 })
assert.deepEqual(list.map((j) => [j.type, j.status]), [['ALLOCATE', 'SUCCESS'], ['FULFILL', 'FAILED'], ['FULFILL', 'SUCCESS']])
await rejected(jobs.getJob({ jobID: 999999 }), /no such job/)

step('delete, first dry')
const dry = await modify._delete({ deleteItemRequest: { upc: 'SHOE', dryRun: true, allLocations: true } })
assert.deepEqual([dry.dryRun, dry.totalProductsDeleted, dry.itemsDeleted.length], [true, true, 1])
assert.deepEqual((await where('ALL')).length, 2)
await modify._delete({ deleteItemRequest: { upc: 'SHOE', allLocations: true } })
assert.deepEqual(await where('ALL'), [])
await modify._delete({ deleteItemRequest: { upc: 'SHIRT', tags: { Channel: 'Marketplace' }, locationCodes: ['101'] } })
assert.deepEqual(Object.keys(await segments('SHIRT', '101')), ['Web', 'Store'])
await rejected(modify.deleteItems({ deleteItemsRequest: { items: [{ upc: 'SHIRT' }], allLocations: true } }), /nothing was deleted/)

step('locations, and items that are not to be assigned')
const locations = new kibo.InventoryLocationApi(config)
assert.deepEqual((await locations.getLocations1()).map((l) => l.locationCode), ['101', '102'])
await locations.saveLocation({ locationRequest: { tenantID: 12345, locationCode: '102', locationName: 'Outlet', active: true, directShip: true, pickup: false } })
assert.deepEqual(await where('ANY', { pickup: true }), ['101 SHIRT'])
await new kibo.InventoryBlockAssignmentApi(config).blockAssignment({
  blockAssignmentRequest: { tenantID: 12345, locationCode: '101', items: [{ upc: 'SHIRT', blockAssignment: true }] },
})
assert.deepEqual(await where('ANY', { excludeBlockedAssignment: true }), ['102 SHIRT'])

step('a store does not find what it promised')
await orders.deallocateInventory({
  allocateInventoryRequest: { tenantID: 12345, decrementOnHandOnDeallocate: true, items: [{ ...item(5001, 1, 4, 'Web'), blockAssignment: false }] },
})
assert.deepEqual((await segments('SHIRT', '101')).Web, [76, 6, 0, 70])
assert.deepEqual(await where('ANY', { excludeBlockedAssignment: true }), ['101 SHIRT', '102 SHIRT'])

step('groups of locations')
// The vendor's client can read them only.
const saved = await fetch(host + '/api/commerce/inventory/v1/locationGroup', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json', ...(sharedSecret && { Authorization: `Bearer ${await config.accessToken()}` }) },
  body: JSON.stringify({ locationGroupCode: 'outlets', locationCodes: ['102'] }),
})
assert.equal(saved.status, 200)
const [group] = await new kibo.InventoryLocationGroupApi(config).getLocationGroups()
assert.deepEqual([group.locationGroupCode, group.locationCodes], ['outlets', ['102']])
assert.deepEqual((await locations.getLocationGroups({ locationGroupCode: 'outlets' }))[0].locationCodes, ['102'])
assert.deepEqual(await where('ANY', { locationGroupCode: 'outlets' }), ['102 SHIRT'])

step('what is not done says so')
await rejected(new kibo.InventoryBinApi(config).getBinTypes(), /not done here/)
console.log('the story is told')
