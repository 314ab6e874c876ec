export { askRedis, assertTakesUs, RedisRefused } from './ask';
export { makeBackoff } from './backoff';
export { connectRedis, endConnection } from './connection';
export { refusalOf, type Refusal } from './refusal';
export { makeRedisWatch, type RedisWatch } from './watch';
