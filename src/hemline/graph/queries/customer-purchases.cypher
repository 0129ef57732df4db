// What a customer bought, the latest first.
// Parameters:
//   customer_id  string: the customer
//   limit        int = 100: how many purchases
// Columns:
//   date
//   code         of the product
//   name
//   product_type
//   price
//   quantity
MATCH (c:Customer {id: $customer_id})-[b:PURCHASED]->(p:Product)-[:SUBSET_OF]->(n:ProductType)
RETURN b.date AS date, p.code AS code, p.name AS name, n.name AS product_type, b.price AS price,
       b.quantity AS quantity
ORDER BY date DESC, code, price
LIMIT $limit
