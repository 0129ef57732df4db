// Purchases -> similar -> of a department and an index bought from, with how many paths lead there.
// One database; candidates-federated asks two, and lists a product as often as there are paths.
// Parameters:
//   customer_id  string: the customer
// Columns:
//   code   of the candidate
//   paths  purchases of the customer from which an edge SIMILAR leads to it
MATCH (:Customer {id: $customer_id})-[:PURCHASED]->(p:Product)
MATCH (i:Index)<-[:HAS_INDEX]-(p)-[:FROM_DEPARTMENT]->(d:Department)
WITH collect(DISTINCT d.number) AS departments, collect(DISTINCT i.code) AS indexes
MATCH (:Customer {id: $customer_id})-[:PURCHASED]->(:Product)-[:SIMILAR]->(rec:Product),
      (ind:Index)<-[:HAS_INDEX]-(rec)-[:FROM_DEPARTMENT]->(dep:Department)
WHERE dep.number IN departments AND ind.code IN indexes
RETURN rec.code AS code, count(*) AS paths
ORDER BY paths DESC, code
