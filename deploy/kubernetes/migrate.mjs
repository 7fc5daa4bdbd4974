// Brings the schema of every service up to date before pods of this version start. Each service does the same when it starts, under the same
// lock; done beforehand, a migration that fails keeps the old version running.
import { migrate, openPool } from '../../libs/database/dist/index.js';

/** Those of the given services that keep a schema. */
export async function servicesWithSchema(names, load = (name) => import(`../../services/${name}/dist/index.js`)) {
  const modules = await Promise.all(names.map(load));
  return modules.flatMap((module) => Object.values(module)).filter((exported) => Array.isArray(exported?.migrations) && typeof exported.name === 'string');
}

async function main(names, url) {
  const source = await openPool({ url, connections: 1, applicationName: 'asterism-migrations' });
  try {
    for (const { name, migrations } of await servicesWithSchema(names)) {
      await migrate(source, name, migrations);
      console.log(`schema of ${name}: up to date`);
    }
  } finally {
    await source.destroy();
  }
}

if (import.meta.main) await main(process.argv.slice(2), process.env.ASTERISM_DATABASE_URL);
