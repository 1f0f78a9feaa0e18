// What several pages ask for.
import { api, take } from './client'

/** schemaQuery asks for the tag categories. */
export const schemaQuery = () => ({ queryKey: ['schema'], queryFn: () => take(api().GET('/v1/tag-categories')) })

/** locationsQuery asks for the locations that fields offer. */
export const locationsQuery = () => ({
  queryKey: ['locations'],
  queryFn: () => take(api().GET('/v1/locations', { params: { query: { limit: 1000 } } })),
  staleTime: 60_000,
})
