/** The parts that pools of connections are made of. */
export { Cache, type CacheCounts, type CacheOptions, type Lease } from "./cache.ts";
export { type IdleMember, IdleSet, type IdleSetOptions } from "./idle-set.ts";
export { PoolMap, type PoolMapOptions } from "./map.ts";
export { type Choice, type NegotiablePool, Negotiate, type NegotiateOptions } from "./negotiate.ts";
export { Shared, type SharedOptions } from "./shared.ts";
export { Singleton, type SingletonOptions } from "./singleton.ts";
